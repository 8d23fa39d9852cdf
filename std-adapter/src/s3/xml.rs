//! Reads the answers of the storage, which are XML. Knows no requests.

use roxmltree::{Document, Node};

/// The code and the message, if it is an error.
pub(super) fn error(body: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(body).ok()?;
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    (root.tag_name().name() == "Error").then(|| {
        let of = |name| text_of(root, name).unwrap_or_default().to_owned();
        (of("Code"), of("Message"))
    })
}

/// Reads a document by `read`; `None`: it is no XML, or `read` finds it wrong.
pub(super) fn parse<T>(body: &[u8], read: impl FnOnce(Node<'_, '_>) -> Option<T>) -> Option<T> {
    let text = std::str::from_utf8(body).ok()?;
    let document = Document::parse(text).ok()?;
    read(document.root_element())
}

/// The text of the element `name` in an element; `None`: it is missing.
pub(super) fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    children(node, name).next().map(|child| child.text().unwrap_or_default())
}

/// The elements `name` in an element, in any namespace.
pub(super) fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_a_code_and_a_message() {
        let body =
            b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>Words</Message></Error>";
        assert_eq!(error(body), Some(("NoSuchKey".to_owned(), "Words".to_owned())));
        assert_eq!(error(b"<List xmlns=\"x\"><Code>a</Code></List>"), None);
        assert_eq!(error(b"<html"), None);
        assert_eq!(error(b"\xff"), None);
    }
}
