//! What a result can be narrowed by. All that matches is looked at once: a product that fails one choice
//! only still counts for the values of that choice, which are as if nothing of it were chosen.

use std::collections::{BTreeMap, HashMap, HashSet};

use product_api::Brand;
use search_api::{FACET_VALUES_MAX, FACETS_MAX, Facet, FacetChoice, FacetKind, FacetValue};
use sha2::{Digest as _, Sha256};
use types::{BrandId, CategoryId, Locale};

use super::tree::Tree;
use super::wanted::Wanted;

/// Values that are looked up by name at most, the most frequent first.
const LOOKED_UP_MAX: usize = 400;

/// What the id of a facet value stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub id: i64,
    pub kind: FacetKind,
    /// The property; empty for a brand.
    pub name: String,
    /// The value; a brand's id.
    pub value: String,
    /// The value in words.
    pub label: String,
}

impl Named {
    /// Of a brand.
    pub fn brand(brand: &Brand) -> Self {
        Self {
            id: brand_facet(brand.id),
            kind: FacetKind::Brand,
            name: String::new(),
            value: brand.id.to_string(),
            label: brand.name.clone(),
        }
    }
}

fn facet_id(kind: &str, name: &str, value: &str) -> i64 {
    let mut hash = Sha256::new();
    for part in [kind, name, value] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let first = digest.iter().take(8).fold(0_u64, |n, b| (n << 8) | u64::from(*b));
    // Columns are signed; one bit less still makes no two alike.
    i64::try_from(first >> 1).unwrap_or_default()
}

/// The facet id of a category.
pub fn category_facet(id: CategoryId) -> i64 {
    facet_id("category", "", &id.to_string())
}

/// The facet id of a brand.
pub fn brand_facet(id: BrandId) -> i64 {
    facet_id("brand", "", &id.to_string())
}

/// The facet id of a property's value.
pub fn property_facet(name: &str, value: &str) -> i64 {
    facet_id("property", name, value)
}

/// Facet ids as their column has them.
pub fn to_bytes(ids: &[i64]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

/// What of a product decides whether it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Facet ids, as [`to_bytes`] writes them.
    pub facets: Vec<u8>,
    pub price: Option<i64>,
    pub in_stock: bool,
    pub reduced: bool,
}

impl Fact {
    fn ids(&self) -> impl Iterator<Item = i64> {
        self.facets.as_chunks::<8>().0.iter().map(|c| i64::from_le_bytes(*c))
    }
}

/// A choice between values of one name: one of them has to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub kind: FacetKind,
    /// The property; empty for brands.
    pub name: String,
    /// What was chosen, with its facet ids.
    pub chosen: Vec<(i64, String)>,
}

impl Group {
    /// The groups of a request: brands, and each property that something was chosen of.
    pub fn of(brands: &[BrandId], choices: &[FacetChoice]) -> Vec<Self> {
        let brands: Vec<_> = brands.iter().map(|b| (brand_facet(*b), b.to_string())).collect();
        let mut by_name: BTreeMap<&str, Vec<(i64, String)>> = BTreeMap::new();
        for choice in choices {
            let (name, value) = (choice.name.trim(), choice.value.trim());
            by_name.entry(name).or_default().push((property_facet(name, value), value.to_owned()));
        }
        let properties = by_name.into_iter().map(|(name, chosen)| Self {
            kind: FacetKind::Property,
            name: name.to_owned(),
            chosen,
        });
        let brand = Self { kind: FacetKind::Brand, name: String::new(), chosen: brands };
        std::iter::once(brand).filter(|b| !b.chosen.is_empty()).chain(properties).collect()
    }

    fn is_met(&self, fact: &Fact) -> bool {
        fact.ids().any(|id| self.chosen.iter().any(|(chosen, _)| *chosen == id))
    }
}

/// Which choice a product fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    Nothing,
    Group(usize),
    Price,
    Stock,
    Reduced,
    Several,
}

impl Fails {
    fn and(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { Self::Several }
    }
}

fn fails(fact: &Fact, wanted: &Wanted) -> Fails {
    let mut fails = Fails::Nothing;
    for (i, group) in wanted.groups.iter().enumerate() {
        if !group.is_met(fact) {
            fails = fails.and(Fails::Group(i));
        }
    }
    if !wanted.price.holds(fact.price) {
        fails = fails.and(Fails::Price);
    }
    if wanted.in_stock && !fact.in_stock {
        fails = fails.and(Fails::Stock);
    }
    if wanted.reduced && !fact.reduced {
        fails = fails.and(Fails::Reduced);
    }
    fails
}

/// How often what occurs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Products that match.
    pub total: u64,
    /// Facet ids of these.
    all: HashMap<i64, u64>,
    /// Facet ids of those that fail a group only, by group.
    but: Vec<HashMap<i64, u64>>,
    /// The lowest and the highest price of what matches or fails the price only.
    pub prices: Option<(i64, i64)>,
    /// What can be ordered, of what matches or fails that only.
    pub in_stock: u64,
    /// What used to cost more, of what matches or fails that only.
    pub reduced: u64,
}

impl Counts {
    /// Counts all that matches apart from its choices.
    pub fn of(facts: &[Fact], wanted: &Wanted) -> Self {
        let mut counts = Self { but: vec![HashMap::new(); wanted.groups.len()], ..Self::default() };
        for fact in facts {
            counts.add(fact, fails(fact, wanted));
        }
        counts
    }

    fn add(&mut self, fact: &Fact, fails: Fails) {
        let ids = match fails {
            Fails::Nothing => {
                self.total += 1;
                Some(&mut self.all)
            }
            Fails::Group(i) => self.but.get_mut(i),
            _ => None,
        };
        if let Some(ids) = ids {
            fact.ids().for_each(|id| *ids.entry(id).or_default() += 1);
        }
        if let (Fails::Nothing | Fails::Price, Some(price)) = (fails, fact.price) {
            let (min, max) = self.prices.unwrap_or((price, price));
            self.prices = Some((min.min(price), max.max(price)));
        }
        if matches!(fails, Fails::Nothing | Fails::Stock) && fact.in_stock {
            self.in_stock += 1;
        }
        if matches!(fails, Fails::Nothing | Fails::Reduced) && fact.reduced {
            self.reduced += 1;
        }
    }

    /// The ids whose names are needed: what was chosen, then the most frequent.
    pub fn to_look_up(&self, wanted: &Wanted) -> Vec<i64> {
        let chosen: HashSet<i64> =
            wanted.groups.iter().flat_map(|g| g.chosen.iter().map(|(id, _)| *id)).collect();
        let mut sums: HashMap<i64, u64> = HashMap::new();
        for (id, n) in std::iter::once(&self.all).chain(&self.but).flatten() {
            *sums.entry(*id).or_default() += n;
        }
        let mut others: Vec<_> = sums.into_iter().filter(|(id, _)| !chosen.contains(id)).collect();
        others.sort_unstable_by_key(|(id, n)| (std::cmp::Reverse(*n), *id));
        let others = others.into_iter().map(|(id, _)| id);
        chosen.into_iter().chain(others).take(LOOKED_UP_MAX).collect()
    }

    fn count(&self, id: i64, group: Option<usize>) -> u64 {
        let but = group.and_then(|g| self.but.get(g)).and_then(|ids| ids.get(&id));
        self.all.get(&id).copied().unwrap_or_default() + but.copied().unwrap_or_default()
    }

    /// The facets: categories, brands, then properties by how many products have them.
    pub fn facets(
        &self,
        wanted: &Wanted,
        named: &[Named],
        tree: &Tree,
        locale: Option<&Locale>,
    ) -> Vec<Facet> {
        let mut properties: BTreeMap<&str, Vec<FacetValue>> = BTreeMap::new();
        let mut brands = Vec::new();
        for named in named {
            let group = wanted.group(named.kind, &named.name);
            let chosen = group.is_some_and(|(_, g)| g.chosen.iter().any(|(id, _)| *id == named.id));
            let value = FacetValue {
                value: named.value.clone(),
                label: named.label.clone(),
                count: self.count(named.id, group.map(|(i, _)| i)),
                chosen,
            };
            match named.kind {
                FacetKind::Brand => brands.push(value),
                FacetKind::Property => properties.entry(&named.name).or_default().push(value),
                FacetKind::Category => {}
            }
        }
        // What was chosen is shown, even if nothing ever had it: how else would it be taken back?
        for group in &wanted.groups {
            let unknown = |id: &i64| named.iter().all(|n| n.id != *id);
            for (_, value) in group.chosen.iter().filter(|(id, _)| unknown(id)) {
                let (value, label) = (value.clone(), value.clone());
                let value = FacetValue { value, label, count: 0, chosen: true };
                match group.kind {
                    FacetKind::Brand => brands.push(value),
                    _ => properties.entry(&group.name).or_default().push(value),
                }
            }
        }
        let mut properties: Vec<_> = properties
            .into_iter()
            .map(|(name, values)| self.facet(FacetKind::Property, name, by_count(values)))
            .collect();
        properties.sort_by_key(|f| {
            let chosen = f.values.iter().any(|v| v.chosen);
            let coverage: u64 = f.values.iter().map(|v| v.count).sum();
            (!chosen, std::cmp::Reverse(coverage), f.name.clone())
        });
        let categories = self.categories(wanted, tree, locale);
        let mut facets = vec![
            self.facet(FacetKind::Category, "", categories),
            self.facet(FacetKind::Brand, "", by_count(brands)),
        ];
        facets.append(&mut properties);
        facets.retain(|f| self.narrows(f));
        facets.truncate(FACETS_MAX);
        facets
    }

    fn facet(&self, kind: FacetKind, name: &str, mut values: Vec<FacetValue>) -> Facet {
        values.truncate(FACET_VALUES_MAX);
        Facet { kind, name: name.to_owned(), values }
    }

    fn categories(&self, wanted: &Wanted, tree: &Tree, locale: Option<&Locale>) -> Vec<FacetValue> {
        let label = |texts: &types::Texts| match locale {
            Some(locale) => texts.get(locale).to_owned(),
            None => texts.all().values().next().cloned().unwrap_or_default(),
        };
        tree.under(wanted.category)
            .map(|category| FacetValue {
                value: category.id.to_string(),
                label: label(&category.name),
                count: self.count(category_facet(category.id), None),
                chosen: false,
            })
            .filter(|value| value.count > 0)
            .collect()
    }

    /// Whether it is of use: something was chosen, or choosing something would leave less. A property of
    /// which every product has a value of its own only lists the products in other words.
    fn narrows(&self, facet: &Facet) -> bool {
        let values = &facet.values;
        let shared = facet.kind != FacetKind::Property || values.iter().any(|v| v.count > 1);
        values.iter().any(|v| v.chosen || (shared && v.count < self.total))
    }
}

fn by_count(mut values: Vec<FacetValue>) -> Vec<FacetValue> {
    values.retain(|v| v.count > 0 || v.chosen);
    values.sort_by(|a, b| {
        let key = |v: &FacetValue| (!v.chosen, std::cmp::Reverse(v.count));
        key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
    });
    values
}
