//! What Rust source names: paths, methods, functions and text, read from its syntax tree.

use std::path::Path;

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};

/// A file of Rust, or a piece of one.
pub(crate) struct Source {
    file: syn::File,
}

/// What is named in it, docs aside. What stands in a macro's call or definition counts as code.
#[derive(Default)]
pub(crate) struct Names {
    /// Each path as written; of a `use`, each that it brings in.
    pub paths: Vec<Vec<String>>,
    /// Methods called.
    pub methods: Vec<String>,
    /// Functions defined.
    pub functions: Vec<String>,
    /// Text literals.
    pub texts: Vec<String>,
    /// Whether modules that only tests have are read, too.
    tests: bool,
    /// Inline modules around what is read.
    inside: Vec<String>,
}

impl Source {
    pub(crate) fn read(file: &Path) -> Source {
        Source::parse(&std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
    }

    pub(crate) fn parse(text: &str) -> Source {
        Source { file: syn::parse_file(text).unwrap() }
    }

    /// Names in code that is compiled outside of tests.
    pub(crate) fn code(&self) -> Names {
        self.names(false)
    }

    /// Names in all of it.
    pub(crate) fn all(&self) -> Names {
        self.names(true)
    }

    fn names(&self, tests: bool) -> Names {
        let mut names = Names { tests, ..Names::default() };
        names.visit_file(&self.file);
        names
    }

    /// Names and types of a struct's fields.
    pub(crate) fn fields(&self, name: &str) -> Vec<(String, String)> {
        let found = self.file.items.iter().find_map(|item| match item {
            syn::Item::Struct(found) if found.ident == name => Some(found),
            _ => None,
        });
        let field = |field: &syn::Field| {
            let syn::Type::Path(ty) = &field.ty else { panic!("a type of {name} is no path") };
            (field.ident.as_ref().unwrap().to_string(), segments(&ty.path).join("::"))
        };
        found.unwrap_or_else(|| panic!("no struct {name}")).fields.iter().map(field).collect()
    }
}

impl Names {
    /// Whether a path holds these segments side by side.
    pub(crate) fn path(&self, wanted: &[&str]) -> bool {
        self.paths.iter().any(|path| path.windows(wanted.len()).any(|part| part == wanted))
    }

    /// `self` and `super` before an inline module's own names mean what they mean outside of it.
    fn add(&mut self, path: Vec<String>) {
        let climbs = path.iter().take_while(|name| *name == "super").count();
        let skipped = match path.first().map(String::as_str) {
            Some("self") if !self.inside.is_empty() => return,
            Some("super") => climbs.min(self.inside.len()),
            _ => 0,
        };
        self.paths.push(path[skipped..].to_vec());
    }

    /// Token by token: what a macro makes of them, nobody knows.
    fn tokens(&mut self, mut rest: Cursor) {
        let mut path: Vec<String> = Vec::new();
        let mut method = false;
        while !rest.eof() {
            if let Some((ident, next)) = rest.ident() {
                rest = next;
                path.push(ident.to_string());
                if let Some(next) = colons(rest) {
                    rest = next;
                    continue;
                }
                let path = std::mem::take(&mut path);
                if method {
                    self.methods.extend(path)
                } else {
                    self.add(path)
                }
                method = false;
                continue;
            }
            path.clear();
            if let Some((literal, next)) = rest.literal() {
                if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                    self.texts.push(text.value());
                }
                rest = next;
            } else if let Some((inside, _, _, next)) = rest.any_group() {
                self.tokens(inside);
                rest = next;
            } else if let Some((punct, next)) = rest.punct() {
                method = punct.as_char() == '.';
                rest = next;
            } else {
                (_, rest) = rest.token_tree().unwrap();
            }
        }
    }
}

/// What follows `::`.
fn colons(at: Cursor) -> Option<Cursor> {
    let (first, at) = at.punct()?;
    let (second, at) = at.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(at)
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The paths that a tree of `use` brings in.
fn leaves(tree: &syn::UseTree, before: &[String]) -> Vec<Vec<String>> {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, &with(&path.ident)),
        syn::UseTree::Name(name) if name.ident == "self" => vec![before.to_vec()],
        syn::UseTree::Name(name) => vec![with(&name.ident)],
        syn::UseTree::Rename(name) => vec![with(&name.ident)],
        syn::UseTree::Glob(_) => vec![before.to_vec()],
        syn::UseTree::Group(group) => group.items.iter().flat_map(|tree| leaves(tree, before)).collect(),
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        match &attribute.meta {
            meta if meta.path().is_ident("doc") => {}
            syn::Meta::List(list) => self.tokens(TokenBuffer::new2(list.tokens.clone()).begin()),
            meta => visit::visit_meta(self, meta),
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let only = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
        };
        if self.tests || !module.attrs.iter().any(only) {
            self.inside.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.inside.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        leaves(&item.tree, &[]).into_iter().for_each(|path| self.add(path));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(segments(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(TokenBuffer::new2(call.tokens.clone()).begin());
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.methods.push(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.functions.push(signature.ident.to_string());
        visit::visit_signature(self, signature);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.texts.push(text.value());
    }
}

#[test]
fn names_are_found_in_code_and_in_macros() {
    let source = Source::parse(
        r##"
        //! crate::docs --docs
        use crate::{gpu::Gpu, data::{self, Row as R}, files::*};
        /// [`crate::docs`]: `--docs`
        #[derive(clap::Parser)]
        struct Taken { #[arg(help = "of clap")] from: crate::train::Plan, count: u32 }
        fn works(x: &std::fs::File) -> crate::Result<()> {
            x.sync_all()?; // crate::comment "--comment"
            let words = format!("say {}", crate::words::of(x.len(), "in a macro"));
            super::other::call(words, r#"raw"#)
        }
        macro_rules! made { () => { $crate::error::Error::new("made") } }
        mod inner { fn f() { super::g(); super::super::up::h(); } }
        #[cfg(test)]
        mod tests { use crate::only_tests; const T: &str = "tested"; }
        "##,
    );
    let names = source.code();
    for path in [
        &["crate", "gpu", "Gpu"][..],
        &["crate", "data"],
        &["crate", "data", "Row"],
        &["crate", "files"],
        &["clap", "Parser"],
        &["crate", "train", "Plan"],
        &["crate", "words", "of"],
        &["super", "other", "call"],
        &["crate", "error", "Error", "new"],
        &["super", "up", "h"],
    ] {
        assert!(names.path(path), "{path:?} in {:?}", names.paths);
    }
    for absent in ["docs", "comment", "only_tests"] {
        assert!(!names.path(&[absent]), "{absent}");
    }
    assert!(names.methods.contains(&"sync_all".into()) && names.methods.contains(&"len".into()));
    assert_eq!(names.functions, ["works", "f"]);
    assert_eq!(names.texts, ["of clap", "say {}", "in a macro", "raw", "made"]);
    assert!(source.all().path(&["crate", "only_tests"]) && source.all().texts.contains(&"tested".into()));
    assert_eq!(source.fields("Taken")[1], ("count".into(), "u32".into()));
}
