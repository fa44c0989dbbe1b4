//! What the buttons of a product's form ask for, and what they change in it before it is shown again.

use product_api::ProductStatus;

use super::form::ProductForm;

/// What a button of the form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To keep it, with the status it has or with another.
    Save(Option<ProductStatus>),
    /// To show the form again with something changed.
    Change(Change),
}

/// What is changed before the form is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    AddVariant,
    RemoveVariant(usize),
    MakeVariants,
    AddAttribute,
    RemoveAttribute(usize),
    /// Nothing but what was sent along: pictures.
    Upload,
    ImageUp(usize),
    ImageDown(usize),
    RemoveImage(usize),
}

impl Wish {
    /// The value that the button sends.
    pub(crate) fn value(self) -> String {
        match self {
            Self::Save(None) => "save".to_owned(),
            Self::Save(Some(status)) => format!("save-{}", super::routes::status_word(status)),
            Self::Change(change) => match change {
                Change::AddVariant => "add-variant".to_owned(),
                Change::RemoveVariant(n) => format!("remove-variant-{n}"),
                Change::MakeVariants => "make-variants".to_owned(),
                Change::AddAttribute => "add-attribute".to_owned(),
                Change::RemoveAttribute(n) => format!("remove-attribute-{n}"),
                Change::Upload => "upload".to_owned(),
                Change::ImageUp(n) => format!("image-up-{n}"),
                Change::ImageDown(n) => format!("image-down-{n}"),
                Change::RemoveImage(n) => format!("remove-image-{n}"),
            },
        }
    }

    /// What a value asks for; saving, where it is none of ours.
    pub(crate) fn read(value: &str) -> Self {
        let (word, n) = match value.rsplit_once('-') {
            Some((word, n)) if n.bytes().all(|b| b.is_ascii_digit()) => (word, n.parse().ok()),
            _ => (value, None),
        };
        Self::Change(match (word, n) {
            ("save-draft", None) => return Self::Save(Some(ProductStatus::Draft)),
            ("save-on_sale", None) => return Self::Save(Some(ProductStatus::OnSale)),
            ("save-off", None) => return Self::Save(Some(ProductStatus::Off)),
            ("add-variant", None) => Change::AddVariant,
            ("make-variants", None) => Change::MakeVariants,
            ("add-attribute", None) => Change::AddAttribute,
            ("upload", None) => Change::Upload,
            ("remove-variant", Some(n)) => Change::RemoveVariant(n),
            ("remove-attribute", Some(n)) => Change::RemoveAttribute(n),
            ("image-up", Some(n)) => Change::ImageUp(n),
            ("image-down", Some(n)) => Change::ImageDown(n),
            ("remove-image", Some(n)) => Change::RemoveImage(n),
            _ => return Self::Save(None),
        })
    }
}

impl ProductForm {
    /// Changes the form as a button asked. Says whether there was room for it.
    pub(crate) fn change(&mut self, change: Change) -> bool {
        match change {
            Change::AddVariant => self.add_variant(),
            Change::MakeVariants => return self.make_variants(),
            Change::AddAttribute => self.add_attribute(),
            Change::Upload => {}
            Change::RemoveVariant(n) => remove(&mut self.variants, n),
            Change::RemoveAttribute(n) => remove(&mut self.attributes, n),
            Change::RemoveImage(n) => {
                let url = self.images.get(n).map(|i| i.url.clone()).unwrap_or_default();
                self.variants.iter_mut().filter(|v| v.image == url).for_each(|v| v.image.clear());
                remove(&mut self.images, n);
            }
            Change::ImageUp(n) if (1..self.images.len()).contains(&n) => self.images.swap(n, n - 1),
            Change::ImageDown(n) if n + 1 < self.images.len() => self.images.swap(n, n + 1),
            Change::ImageUp(_) | Change::ImageDown(_) => {}
        }
        true
    }
}

fn remove<T>(rows: &mut Vec<T>, n: usize) {
    if n < rows.len() {
        rows.remove(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read_as_it_is_written() {
        let wishes = [
            Wish::Save(None),
            Wish::Save(Some(ProductStatus::OnSale)),
            Wish::Change(Change::RemoveVariant(12)),
            Wish::Change(Change::ImageDown(0)),
            Wish::Change(Change::MakeVariants),
        ];
        for wish in wishes {
            assert_eq!(Wish::read(&wish.value()), wish);
        }
        assert_eq!(Wish::read("remove-variant-x"), Wish::Save(None));
    }
}
