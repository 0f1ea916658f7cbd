//! A field of a form: its label above it, what helps or went wrong beside it, tied to it for screen readers.

use askama::Template;

/// A field, by default one for text that is required.
#[derive(Template)]
#[template(path = "field.html", config = "src/http/view/askama.toml")]
pub(crate) struct Field<'a> {
    /// Its name in the form, which is its id too.
    pub name: &'a str,
    /// What it asks for.
    pub label: &'a str,
    /// The `type` of the input; `lines` for text of several.
    pub kind: &'a str,
    /// What browsers may fill in ([HTML, autofill](https://html.spec.whatwg.org/#autofill)).
    pub autocomplete: &'a str,
    /// What stands in it.
    pub value: &'a str,
    /// What helps to fill it in.
    pub hint: Option<&'a str>,
    /// What is wrong with what stands in it.
    pub problem: Option<&'a str>,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// Whether typing begins here.
    pub has_focus: bool,
}

impl<'a> Field<'a> {
    /// A field that must be filled in.
    pub(crate) fn new(name: &'a str, label: &'a str, kind: &'a str, autocomplete: &'a str) -> Self {
        Self {
            name,
            label,
            kind,
            autocomplete,
            value: "",
            hint: None,
            problem: None,
            is_required: true,
            has_focus: false,
        }
    }

    /// The ids of what is said about it.
    fn described_by(&self) -> String {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let problem = self.problem.map(|_| format!("{}-problem", self.name));
        [problem, hint].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Whether it is text that a phone may capitalise and correct.
    fn is_prose(&self) -> bool {
        matches!(self.kind, "text" | "lines") && self.autocomplete != "username"
    }
}

/// Its template has escaped what needs it.
impl askama::filters::HtmlSafe for Field<'_> {}
