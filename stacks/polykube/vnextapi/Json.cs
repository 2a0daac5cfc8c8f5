using System.Collections;
using System.Text;

// A flat JSON object of strings, in the order in which they were added.
sealed class Json : IEnumerable
{
    readonly StringBuilder text = new StringBuilder("{");

    public void Add(string name, string value)
    {
        if (text.Length > 1)
            text.Append(',');
        Quote(name);
        text.Append(':');
        Quote(value);
    }

    // Collection initialisers ask for this interface; nothing iterates.
    IEnumerator IEnumerable.GetEnumerator()
    {
        yield return ToString();
    }

    public override string ToString()
    {
        return text + "}";
    }

    void Quote(string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            if (c == '"' || c == '\\')
                text.Append('\\').Append(c);
            else if (c < ' ')
                text.Append("\\u").Append(((int)c).ToString("x4"));
            else
                text.Append(c);
        }
        text.Append('"');
    }
}
