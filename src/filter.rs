//! What a template can do to a value: `|url` `|json` `|base64` `|trim` `|versions`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{fault::Fault, secret::Secret};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Percent-encodes all but the unreserved characters of RFC 3986.
    Url,
    /// One value: a JSON string. Several: a JSON array of strings.
    Json,
    /// RFC 4648, standard alphabet, padded.
    Base64,
    /// Without the white space around it.
    Trim,
    /// The current version and the previous one, newest first.
    Versions,
}

impl Filter {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("url", Self::Url),
        ("json", Self::Json),
        ("base64", Self::Base64),
        ("trim", Self::Trim),
        ("versions", Self::Versions),
    ];

    pub(crate) fn parse(name: &str) -> Result<Self, Fault> {
        let names = || Self::ALL.iter().map(|(name, _)| *name);
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, filter)| *filter).ok_or_else(
            || {
                let list = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                Fault::new(0..name.len(), format!("`{name}` is not a filter"))
                    .help(format!("the filters are {list}"))
                    .suggest(name, names())
            },
        )
    }
}

/// A value could not go through a filter. Says nothing of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotText;

/// Applies `filters` to `values`: one value, or the versions of one.
///
/// # Errors
/// [`NotText`] where `json` meets bytes that are not UTF-8.
pub(crate) fn apply(filters: &[Filter], mut values: Vec<Secret>) -> Result<Secret, NotText> {
    let list = filters.contains(&Filter::Versions);
    for filter in filters {
        if *filter == Filter::Json && list {
            values = vec![json_array(&values)?];
            continue;
        }
        values = values.iter().map(|value| one(*filter, value)).collect::<Result<_, _>>()?;
    }
    Ok(values.into_iter().next().unwrap_or_default())
}

fn one(filter: Filter, value: &Secret) -> Result<Secret, NotText> {
    let bytes = value.expose();
    Ok(match filter {
        Filter::Url => Secret::new(percent_encode(bytes)),
        Filter::Json => {
            let text = std::str::from_utf8(bytes).map_err(|_| NotText)?;
            Secret::new(serde_json::to_vec(text).map_err(|_| NotText)?)
        }
        Filter::Base64 => Secret::new(STANDARD.encode(bytes).into_bytes()),
        Filter::Trim => Secret::new(bytes.trim_ascii().to_vec()),
        Filter::Versions => value.clone(),
    })
}

fn json_array(values: &[Secret]) -> Result<Secret, NotText> {
    let texts = values
        .iter()
        .map(|value| std::str::from_utf8(value.expose()).map_err(|_| NotText))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Secret::new(serde_json::to_vec(&texts).map_err(|_| NotText)?))
}

fn percent_encode(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = Zeroizing::new(Vec::with_capacity(bytes.len() * 3));
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(*byte);
        } else {
            let digit = |nibble: u8| DIGITS[usize::from(nibble)];
            encoded.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    std::mem::take(&mut *encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply_to(filters: &[Filter], values: &[&str]) -> String {
        let values = values.iter().map(|value| Secret::from(*value)).collect();
        String::from_utf8(apply(filters, values).unwrap().expose().to_vec()).unwrap()
    }

    #[test]
    fn each_filter_does_what_it_says() {
        assert_eq!(apply_to(&[Filter::Url], &["a b/ü@:~"]), "a%20b%2F%C3%BC%40%3A~");
        assert_eq!(apply_to(&[Filter::Json], &["a\"\n"]), r#""a\"\n""#);
        assert_eq!(apply_to(&[Filter::Base64], &["hi!?"]), "aGkhPw==");
        assert_eq!(apply_to(&[Filter::Trim, Filter::Url], &[" a b\n"]), "a%20b");
        assert_eq!(apply_to(&[], &["as is "]), "as is ");
    }

    #[test]
    fn versions_keep_their_order_and_filters_go_through_each() {
        let filters = [Filter::Versions, Filter::Base64, Filter::Json];
        assert_eq!(apply_to(&filters, &["new", "old"]), r#"["bmV3","b2xk"]"#);
    }

    #[test]
    fn json_refuses_bytes_that_are_not_text() {
        assert!(apply(&[Filter::Json], vec![Secret::new(vec![0xff])]).is_err());
    }
}
