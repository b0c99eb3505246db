//! The JSON Schema of the manifest, out of the same tables that check it.

use serde_json::{Map, Value, json};

use super::{
    keys,
    spec::{Kind, SourceSpec, Spec},
};

/// The schema, draft 2020-12. `sources` are the types that `[sources]` may declare.
pub(crate) fn schema(sources: &[SourceSpec]) -> Value {
    let mut schema = table(&keys::MANIFEST, sources);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("sublet.toml");
    schema
}

fn table(spec: &Spec, sources: &[SourceSpec]) -> Value {
    let mut properties = Map::new();
    for key in spec.keys {
        let mut property = kind(&key.kind, sources);
        property["description"] = json!(key.doc);
        if let Some(default) = key.default.and_then(|text| serde_json::from_str::<Value>(text).ok())
        {
            property["default"] = default;
        }
        properties.insert(key.name.to_owned(), property);
    }
    let rest = spec.rest.map_or(json!(false), |rest| kind(rest, sources));
    json!({ "type": "object", "properties": properties, "additionalProperties": rest })
}

fn kind(of: &Kind, sources: &[SourceSpec]) -> Value {
    match of {
        Kind::Text => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer => json!({ "type": "integer" }),
        Kind::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Words(words) => json!({ "enum": words }),
        Kind::List(item) => json!({ "type": "array", "items": kind(item, sources) }),
        Kind::Table(spec) => table(spec, sources),
        Kind::Either(kinds) => {
            let kinds = kinds.iter().map(|one| kind(one, sources)).collect::<Vec<_>>();
            json!({ "anyOf": kinds })
        }
        Kind::Source => {
            let kinds = sources.iter().map(|source| {
                let mut schema = table(source.spec, sources);
                schema["properties"]["type"] = json!({ "const": source.name });
                schema
            });
            json!({ "anyOf": kinds.collect::<Vec<_>>() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_json() {
        fn check(spec: &Spec) {
            for key in spec.keys {
                if let Some(text) = key.default {
                    assert!(serde_json::from_str::<Value>(text).is_ok(), "{}: {text}", key.name);
                }
                check_kind(&key.kind);
            }
            spec.rest.iter().for_each(|kind| check_kind(kind));
        }
        fn check_kind(kind: &Kind) {
            match kind {
                Kind::Table(spec) => check(spec),
                Kind::List(item) => check_kind(item),
                Kind::Either(kinds) => kinds.iter().for_each(check_kind),
                _ => {}
            }
        }
        check(&keys::MANIFEST);
    }
}
