//! The places that hold stock.

use inventory_api::Warehouse;
use maud::{Markup, html};
use ui::Errors;
use ui::parts::{Field, field};

use super::Words;
use super::routes::{Filter, Route};
use crate::layout::{Head, Shell, csrf_field, document};

/// A warehouse as it is typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WarehouseForm {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) priority: String,
    /// What is wrong, by field.
    pub(crate) problems: Errors,
}

/// All warehouses.
#[derive(Debug, Clone)]
pub(crate) struct WarehousesPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// By priority.
    pub(crate) warehouses: Vec<Warehouse>,
    /// The one to add.
    pub(crate) form: WarehouseForm,
}

/// The page.
pub(crate) fn render_warehouses(page: &WarehousesPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let main = html! {
        p.crumbs { a href=(Route::list()) { (w.stock) } }
        @if page.warehouses.is_empty() {
            p.empty { (w.no_warehouses) }
        } @else {
            div.table tabindex="0" role="region" aria-label=(w.warehouses) {
                table {
                    thead { tr {
                        th scope="col" { (w.warehouse_code) }
                        th scope="col" { (w.warehouse_name) }
                        th.number scope="col" { (w.priority) }
                        th scope="col" { span.vh { (w.stock) } }
                    } }
                    tbody {
                        @for warehouse in &page.warehouses {
                            @let filter = Filter { warehouse: Some(warehouse.id), ..Filter::default() };
                            tr {
                                th scope="row" { (warehouse.code) }
                                td { (warehouse.name) }
                                td.number { (warehouse.priority) }
                                td { a href=(Route::List { filter, cursor: None }) { (w.stock) span.vh { " " (warehouse.name) } } }
                            }
                        }
                    }
                }
            }
        }
        @if page.shell.may("stock:write") { (add(page, w)) }
    };
    document(&page.shell, &Head { title: w.warehouses, ..Head::default() }, &main)
}

fn add(page: &WarehousesPage, w: &Words) -> Markup {
    let form = &page.form;
    html! {
        section.panel aria-labelledby="add" {
            h2 id="add" { (w.add_warehouse) }
            form.stack method="post" action=(Route::Warehouses) {
                (csrf_field(&page.shell))
                div.fields {
                    (field(&Field {
                        name: "code", label: w.warehouse_code, value: &form.code, hint: w.warehouse_code_hint,
                        error: form.problems.of("code"), required: true, length_max: 32, ..Field::default()
                    }))
                    (field(&Field {
                        name: "name", label: w.warehouse_name, value: &form.name,
                        error: form.problems.of("name"), required: true, length_max: 100, ..Field::default()
                    }))
                    (field(&Field {
                        name: "priority", label: w.priority, value: &form.priority, hint: w.priority_hint,
                        error: form.problems.of("priority"), length_max: 10, ..Field::default()
                    }))
                }
                p { button type="submit" { (w.add_warehouse) } }
            }
        }
    }
}

#[cfg(test)]
impl crate::samples::Samples for WarehousesPage {
    fn samples() -> Vec<Self> {
        use crate::samples::{shell, shell_as};

        let warehouse = |n: i64, name: &str| Warehouse {
            id: types::WarehouseId::from_i64(n).unwrap(),
            code: format!("W{n}"),
            name: name.into(),
            priority: 1,
        };
        let full = Self {
            shell: shell("en"),
            warehouses: vec![warehouse(3, "Main <Sons>"), warehouse(4, "North")],
            form: WarehouseForm::default(),
        };
        let w = Words::of(ui::Lang::ZhCn);
        let mut problems = Errors::one("code", w.bad_code);
        problems.add("priority", w.bad_priority);
        let refused = Self {
            shell: shell("zh-CN"),
            warehouses: Vec::new(),
            form: WarehouseForm {
                code: "a <no>".into(),
                name: "<Sons>".into(),
                priority: "x".into(),
                problems,
            },
        };
        let reader = Self { shell: shell_as("zh-CN", staff_api::Role::ReadOnly), ..full.clone() };
        vec![full, refused, reader]
    }
}
