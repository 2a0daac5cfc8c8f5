// vnextapi: polykube's small C# service on Mono. It answers JSON and needs
// nothing but the class library that comes with the compiler.
//
// Variables: HOST and PORT, where it listens (127.0.0.1:8000 without them).
// TERM is left to its default action, which ends the process at once: by then
// whatever stands before it has drained its requests.

using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using System.Threading;

static class Program
{
    const string Message = "hello from vnextapi";

    static int Main()
    {
        string host = Variable("HOST", "127.0.0.1");
        string port = Variable("PORT", "8000");
        var listener = new HttpListener();
        try
        {
            foreach (string prefix in Prefixes(host, port))
                listener.Prefixes.Add(prefix);
            listener.Start();
        }
        catch (Exception error) // the listener's errors have no common type
        {
            Console.Error.WriteLine("vnextapi: cannot listen on {0}:{1}: {2}", host, port, error.Message);
            return 1;
        }
        Console.WriteLine("vnextapi listens on http://{0}:{1}", host, port);
        while (true)
        {
            HttpListenerContext context = listener.GetContext();
            ThreadPool.QueueUserWorkItem(_ => Serve(context));
        }
    }

    static void Serve(HttpListenerContext context)
    {
        try
        {
            Answer(context);
        }
        catch (Exception error) // a client that went away ends its own answer only
        {
            Console.Error.WriteLine("vnextapi: an answer was cut short: {0}", error.Message);
            context.Response.Abort();
        }
    }

    static void Answer(HttpListenerContext context)
    {
        HttpListenerRequest request = context.Request;
        HttpListenerResponse response = context.Response;
        AllowLoopback(request.Headers["Origin"], response);
        if (request.HttpMethod != "GET" && request.HttpMethod != "HEAD")
        {
            response.AddHeader("Allow", "GET, HEAD");
            Write(context, 405, new Json { { "error", "only GET and HEAD" } });
            return;
        }
        switch (request.Url.AbsolutePath)
        {
            case "/":
                Write(context, 200, new Json
                {
                    { "service", "vnextapi" },
                    { "message", Message },
                    { "runtime", Runtime() },
                    { "time", DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'") },
                });
                break;
            case "/healthz":
                Write(context, 200, new Json { { "status", "ok" } });
                break;
            default:
                Write(context, 404, new Json { { "error", "no such path" } });
                break;
        }
    }

    // Lets pages that this machine served read the answers and the generation
    // that the dev front stamps on them: the static page has another origin.
    static void AllowLoopback(string origin, HttpListenerResponse response)
    {
        response.AddHeader("Vary", "Origin");
        Uri page;
        if (origin == null || !Uri.TryCreate(origin, UriKind.Absolute, out page))
            return;
        if (!page.IsLoopback || (page.Scheme != "http" && page.Scheme != "https"))
            return;
        response.AddHeader("Access-Control-Allow-Origin", origin);
        response.AddHeader("Access-Control-Expose-Headers", "hob-generation");
    }

    static void Write(HttpListenerContext context, int status, Json json)
    {
        byte[] body = Encoding.UTF8.GetBytes(json + "\n");
        HttpListenerResponse response = context.Response;
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.AddHeader("Cache-Control", "no-store");
        response.ContentLength64 = body.Length;
        if (context.Request.HttpMethod != "HEAD")
            response.OutputStream.Write(body, 0, body.Length);
        response.Close();
    }

    // HttpListener compares each request's Host header with its prefix. One
    // address is answered under its own name, the first loopback address as
    // `localhost` too; every address at once under any name. Mono's listener
    // cannot read IPv6 addresses in a Host header.
    static IEnumerable<string> Prefixes(string host, string port)
    {
        IPAddress address;
        if (!IPAddress.TryParse(host, out address) || address.AddressFamily != AddressFamily.InterNetwork)
            throw new FormatException("HOST is not an IPv4 address");
        if (address.Equals(IPAddress.Any))
        {
            yield return "http://+:" + port + "/";
            yield break;
        }
        yield return "http://" + address + ":" + port + "/";
        if (address.Equals(Dns.GetHostEntry("localhost").AddressList[0]))
            yield return "http://localhost:" + port + "/";
    }

    // `Mono 6.8.0.105`: the display name goes on with where it was built.
    static string Runtime()
    {
        Type mono = Type.GetType("Mono.Runtime");
        MethodInfo name = mono == null
            ? null
            : mono.GetMethod("GetDisplayName", BindingFlags.NonPublic | BindingFlags.Static);
        return name == null
            ? ".NET " + Environment.Version
            : "Mono " + ((string)name.Invoke(null, null)).Split(' ')[0];
    }

    // The variable's value, or the fallback where it is unset or empty.
    static string Variable(string name, string fallback)
    {
        string value = Environment.GetEnvironmentVariable(name);
        return string.IsNullOrEmpty(value) ? fallback : value;
    }
}
