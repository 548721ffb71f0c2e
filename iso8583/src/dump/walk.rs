//! The inner structure of a value, part by part, for everything that shows it.

use super::{Show, part_text};
use crate::Message;
use crate::composite::{self, DEEPEST, PartError, PartView};
use crate::dialect::{Composite, FieldSpec, PartKey};
use crate::emv;

/// A part, and whether it is hidden when the dialect does not know it.
pub(crate) struct Found<'c, 'v> {
    pub(crate) part: PartView<'c, 'v>,
    pub(crate) hides: bool,
}

/// A structure within a value.
#[derive(Clone, Copy)]
pub(crate) struct Inner<'c> {
    pub(crate) composite: &'c Composite,
    /// Whether parts are hidden that the dialect does not know.
    pub(crate) hides: bool,
}

impl<'c> Inner<'c> {
    pub(crate) fn of(spec: &'c FieldSpec) -> Option<Inner<'c>> {
        let composite = spec.composite.as_deref()?;
        Some(Inner { composite, hides: spec.hides_unknown() })
    }

    /// Why nothing of a value may be seen: its parts cannot be told apart, and some must stay hidden.
    pub(crate) fn barrier(self, value: &[u8], show: Show) -> Option<PartError> {
        if show == Show::Unmasked || !(self.hides || self.composite.hides()) {
            return None;
        }
        composite::parts(self.composite, value).find_map(Result::err)
    }
}

impl<'c> Found<'c, '_> {
    /// The structure within this part, a part without bytes has none.
    pub(crate) fn inner(&self) -> Option<Inner<'c>> {
        let composite = self.part.composite().filter(|_| !self.part.wire().is_empty())?;
        Some(Inner { composite, hides: self.part.hides_unknown(self.hides) })
    }

    /// The value as text.
    pub(crate) fn text(&self, show: Show) -> String {
        part_text(&self.part, show, self.hides)
    }

    /// The name by the dialect or by EMV.
    pub(crate) fn name(&self) -> &'c str {
        match (self.part.spec, self.part.emv_tag()) {
            (Some(spec), _) => spec.name.as_str(),
            (None, Some(tag)) => emv::tag_name(tag).unwrap_or("(not named)"),
            (None, None) => "(not named)",
        }
    }
}

impl PartView<'_, '_> {
    /// Whether parts of it are hidden that the dialect does not know, when those around it are.
    pub(crate) fn hides_unknown(&self, around: bool) -> bool {
        self.spec.map_or(around, FieldSpec::hides_unknown)
    }
}

/// Goes through the inner structure of a data element, the outer part before its own parts. The path
/// of an error is that of the structure around.
pub(crate) fn walk_parts(
    message: &Message<'_>,
    field: u8,
    show: Show,
    mut tell: impl FnMut(&[PartKey], Result<Found<'_, '_>, PartError>),
) {
    let Some(spec) = message.dialect().field(field) else { return };
    let (Some(inner), Some(value)) = (Inner::of(spec), message.value(field)) else { return };
    walk_inner(inner, &value, show, &mut Vec::new(), &mut tell);
}

type Tell<'t> = &'t mut dyn FnMut(&[PartKey], Result<Found<'_, '_>, PartError>);

fn walk_inner(inner: Inner<'_>, value: &[u8], show: Show, path: &mut Vec<PartKey>, tell: Tell<'_>) {
    if path.len() >= DEEPEST {
        return;
    }
    if let Some(error) = inner.barrier(value, show) {
        return tell(path, Err(error));
    }
    for part in composite::parts(inner.composite, value) {
        match part {
            Ok(part) => {
                path.push(part.key);
                let found = Found { part, hides: inner.hides };
                let within = found.inner();
                tell(path, Ok(found));
                if let Some(within) = within {
                    walk_inner(within, &part.value(), show, path, tell);
                }
                path.pop();
            }
            Err(error) => tell(path, Err(error)),
        }
    }
}
