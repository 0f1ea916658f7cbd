//! The five floors: a file uses its own floor and those below it.

use std::path::{Path, PathBuf};

/// The floor of a module, by the first part of its path in the crate.
fn floor(module: &str) -> usize {
    match module {
        "protocol" | "model" | "clock" | "random" | "recent" | "fault" => 0,
        "config" | "fetch" | "store" | "keys" | "password" | "limits" | "telemetry" | "timer" => 1,
        "access" | "admin" | "app" | "authorize" | "check_api" | "client" | "code" | "deliver" | "device"
        | "directory" | "explain" | "grant" | "id_token" | "id_token_hint" | "introspect" | "issue"
        | "metadata" | "mint" | "refusals" | "reseal" | "revoke" | "rotate" | "session" | "subject"
        | "sweep" | "user" | "userinfo" | "vault" | "watch" => 2,
        "http" => 3,
        "cli" | "issuer_for_tests" | "resource" | "service" | "main" => 4,
        module => panic!("`{module}` is new: give it a floor, here and in the map in `src/lib.rs`"),
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The crate's files, each with what it says.
pub fn source() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    let read = |path: PathBuf| {
        (path.strip_prefix(&root).unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())
    };
    found.into_iter().map(read).filter(|(path, _)| path != Path::new("lib.rs")).collect()
}

/// What a file says before its tests, without comments.
pub fn code(text: &str) -> impl Iterator<Item = &str> {
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    body.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn nobody_looks_up() {
    for (path, text) in source() {
        let own = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        for line in code(&text).filter(|line| line.contains("crate::")) {
            for used in line.split("crate::").skip(1) {
                let module: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                // Macros of the crate's root stand on no floor; the two that there are belong to floor 0.
                if module.is_empty() || module == "scope" {
                    continue;
                }
                assert!(floor(&module) <= floor(own), "{} looks up: {line}", path.display());
            }
        }
    }
}

#[test]
fn floor_0_awaits_nothing() {
    for (path, text) in source() {
        let own = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        assert!(floor(own) > 0 || code(&text).all(|line| !line.contains(".await")), "{}", path.display());
    }
}

#[test]
fn sql_stands_only_in_the_store() {
    for (path, text) in source().into_iter().filter(|(path, _)| !path.starts_with("store")) {
        assert!(!text.contains("sqlx::query"), "{}", path.display());
        let is_sql = |line: &str| {
            ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE "].iter().any(|verb| line.contains(verb))
        };
        assert!(!code(&text).any(is_sql), "{}", path.display());
    }
}

#[test]
fn statuses_are_written_only_in_reply() {
    // `cors.rs` reads a status and writes none.
    let allowed = ["http/reply.rs", "http/cors.rs"];
    for (path, text) in source().into_iter().filter(|(path, _)| path.starts_with("http")) {
        let is_allowed =
            allowed.iter().any(|allowed| path == Path::new(allowed)) || path.starts_with("http/server/tests");
        assert!(is_allowed || !code(&text).any(|line| line.contains("StatusCode::")), "{}", path.display());
    }
}

#[test]
fn no_file_grows_past_what_one_reads_at_a_sitting() {
    for (path, text) in source() {
        let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
        assert!(lines <= 350, "{} has {lines} lines: which second idea moved in?", path.display());
    }
}

/// `docs/conformance.md` and the README cite files and tests: each is there.
#[test]
fn what_the_documents_cite_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for document in ["docs/conformance.md", "README.md", "keys/README.md"] {
        let folder = root.join(document).parent().unwrap().to_owned();
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") && !link.starts_with('#') {
                assert!(folder.join(link).exists(), "{document} links to `{link}`");
            }
        }
        for citation in text.split('`').filter(|part| part.contains(".rs::") || part.contains(".py::")) {
            let (file, test) = citation.split_once("::").unwrap();
            let code = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            let is_there = code.contains(&format!("fn {test}(")) || code.contains(&format!("def {test}("));
            assert!(is_there, "{document} cites `{citation}`");
        }
    }
}
