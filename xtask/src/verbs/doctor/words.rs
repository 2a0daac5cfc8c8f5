//! Numbers, sizes and lists as people read them. Pure.

/// `1 error`, `2 errors`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    counted_number(u64::try_from(count).unwrap_or(u64::MAX), one, many)
}

pub fn counted_number(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{} {many}", grouped(count)),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `73.9 GiB`, `512 MiB`.
pub fn bytes(bytes: u64) -> String {
    let tenths = |unit: u32| {
        let tenths = (u128::from(bytes) * 10) >> unit;
        format!(
            "{}.{}",
            grouped(u64::try_from(tenths / 10).unwrap_or(u64::MAX)),
            tenths % 10
        )
    };
    match bytes {
        0..0x4000_0000 => format!("{} MiB", grouped(bytes >> 20)),
        0x4000_0000..0x100_0000_0000 => format!("{} GiB", tenths(30)),
        _ => format!("{} TiB", tenths(40)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        assert_eq!(bytes(1 << 20), "1 MiB");
        assert_eq!(bytes((3 << 30) + (1 << 29)), "3.5 GiB");
        assert_eq!(bytes(5 << 40), "5.0 TiB");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
