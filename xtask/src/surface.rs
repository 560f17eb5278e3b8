//! `cargo xtask surface`: which operation is there in which language.

use std::fs;

use anyhow::{Context, Result};

use crate::session::Session;
use crate::table::{row, table};

/// The list of what every language offers, which is plain Rust without dependencies.
#[path = "../../bindings/bridge/src/surface.rs"]
#[allow(unreachable_pub, reason = "the bridge exports it")]
mod list;

use list::{Method, SURFACE};

/// A language, the files that say what it offers, and whether it has a method.
struct Offer {
    language: &'static str,
    files: &'static [&'static str],
    has: fn(&str, &Method) -> bool,
}

const OFFERS: [Offer; 6] = [
    Offer {
        language: "rust",
        files: &[
            "rivven-core/src/consumer/mod.rs",
            "rivven-core/src/methods.rs",
            "rivven-core/src/producer/mod.rs",
            "rivven-core/src/resilient.rs",
            "rivven-core/src/schema_registry/methods.rs",
            "rivven-core/src/transaction/handle.rs",
            "rivven-core/src/transaction/methods.rs",
            "rivven-core/src/transaction/transform.rs",
        ],
        has: in_rust,
    },
    Offer { language: "c", files: &["include/rivven.h"], has: in_c },
    Offer { language: "cpp", files: &["include/rivven.hpp"], has: in_cpp },
    Offer { language: "python asyncio", files: &["bindings/python/python/rivven/_rivven.pyi"], has: in_asyncio },
    Offer { language: "python blocking", files: &["bindings/python/python/rivven/_rivven.pyi"], has: in_blocking },
    Offer { language: "node", files: &["bindings/node/index.d.ts"], has: in_node },
];

/// Prints the table and what is missing; false if anything is.
pub(crate) fn run(session: &Session) -> Result<bool> {
    let mut shown = table(["operation"].into_iter().chain(OFFERS.iter().map(|offer| offer.language)));
    let texts = OFFERS.iter().map(|offer| text(session, offer)).collect::<Result<Vec<_>>>()?;
    let mut missing = Vec::new();
    for method in SURFACE {
        let operation = format!("{}.{}", method.class, method.name);
        let has: Vec<bool> = OFFERS.iter().zip(&texts).map(|(offer, text)| (offer.has)(text, method)).collect();
        let lacking = OFFERS.iter().zip(&has).filter(|(_, has)| !**has).map(|(offer, _)| offer.language);
        missing.extend(lacking.map(|language| format!("missing in {language}: {operation}")));
        let cells = has.iter().map(|has| if *has { "yes" } else { "missing" }.to_owned());
        shown.add_row(row([operation].into_iter().chain(cells)));
    }
    println!("{shown}");
    missing.iter().for_each(|line| println!("{line}"));
    Ok(missing.is_empty())
}

fn text(session: &Session, offer: &Offer) -> Result<String> {
    let read = |file: &&str| fs::read_to_string(session.root.join(file)).with_context(|| (*file).to_owned());
    offer.files.iter().map(read).collect()
}

/// The name of a class: `client` is `Client`.
fn class(method: &Method) -> String {
    let (head, tail) = method.class.split_at(1);
    head.to_uppercase() + tail
}

/// The methods of the resilient client stand in two files, one of which is a macro.
fn in_rust(text: &str, method: &Method) -> bool {
    ["pub async fn", "pub fn"].iter().any(|head| {
        let (plain, generic) = (format!("{head} {}(", method.name), format!("{head} {}<", method.name));
        text.contains(&plain) || text.contains(&generic)
    })
}

fn in_c(text: &str, method: &Method) -> bool {
    let call = format!(" {}(", method.c_name());
    text.lines().any(|line| !line.trim_start().starts_with(['*', '/']) && line.contains(&call))
}

/// The class has a method of that name, which calls the function of the C interface.
fn in_cpp(text: &str, method: &Method) -> bool {
    let body = section(text, &format!("\nclass {} ", class(method)), "\n};");
    body.contains(&format!(" {}(", method.snake_name())) && body.contains(&method.c_name())
}

fn in_asyncio(text: &str, method: &Method) -> bool {
    let class = if method.class == "client" { "RivvenClient".to_owned() } else { class(method) };
    in_stub(text, &class, method)
}

fn in_blocking(text: &str, method: &Method) -> bool {
    let class = if method.class == "client" { class(method) } else { format!("_Blocking{}", class(method)) };
    in_stub(text, &class, method)
}

fn in_stub(text: &str, class: &str, method: &Method) -> bool {
    section(text, &format!("\nclass {class}:"), "\n\n\n").contains(&format!("    def {}(", method.snake_name()))
}

fn in_node(text: &str, method: &Method) -> bool {
    let body = section(text, &format!("\nexport class {} ", class(method)), "\n}");
    let name = method.camel_name();
    let declared = [format!("{name}("), format!("{name}<"), format!("static {name}("), format!("readonly {name}:")];
    declared.iter().any(|declared| body.contains(&format!("\n  {declared}")))
}

/// The text from a head to the end that follows it; nothing if there is no such head.
fn section<'a>(text: &'a str, head: &str, end: &str) -> &'a str {
    let Some((_, rest)) = text.split_once(head) else { return "" };
    rest.split_once(end).map_or(rest, |(body, _)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: Method = Method { class: "client", name: "list_topics" };

    #[test]
    fn a_method_is_found_where_it_is_declared() {
        assert!(in_rust("    pub async fn list_topics(&self)", &METHOD));
        assert!(in_rust("    pub fn list_topics<T>(&self)", &METHOD));
        assert!(in_c("rivven_code rivven_client_list_topics(\n", &METHOD));
        assert!(in_cpp("\nclass Client {\n  int list_topics() { rivven_client_list_topics(); }\n};", &METHOD));
        let stub = "\nclass RivvenClient:\n    def list_topics(self)\n\n\nclass Client:\n    def list_topics(self)\n";
        assert!(in_asyncio(stub, &METHOD) && in_blocking(stub, &METHOD));
        assert!(in_node("\nexport class Client {\n  listTopics(): Promise\n}", &METHOD));
        assert!(in_node("\nexport class Client {\n  static listTopics(): Promise\n}", &METHOD));
        assert!(in_node("\nexport class Client {\n  readonly listTopics: string\n}", &METHOD));
    }

    #[test]
    fn a_mention_or_another_class_is_not_enough() {
        assert!(!in_rust("    pub async fn list_topics_of(&self)", &METHOD));
        assert!(!in_c(" * As rivven_client_list_topics() does.\n", &METHOD));
        assert!(!in_cpp("\nclass Client {\n  int list_topics();\n};\nrivven_client_list_topics", &METHOD));
        let stub = "\nclass RivvenClient:\n    def ping(self)\n\n\nclass Client:\n    def list_topics(self)\n";
        assert!(!in_asyncio(stub, &METHOD) && in_blocking(stub, &METHOD));
        assert!(!in_node("\nexport class Client {\n  ping()\n}\nexport class A {\n  listTopics()\n}", &METHOD));
    }
}
