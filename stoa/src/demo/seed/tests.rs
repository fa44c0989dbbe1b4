//! Seeding against services that keep everything in memory and can be cut off after any call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use inventory_api::{InventoryClient, InventoryMock, Warehouse};
use kit::entropy::SeededEntropy;
use kit::{ErrorCode, Page, Placements, Timestamp};
use member_api::{MemberClient, MemberInfo, MemberMock, SavedAddress, Session};
use order_api::{FlowInfo, OrderClient, OrderMock};
use product_api::{
    Brand, Category, ProductClient, ProductInfo, ProductMock, ProductSummary, Sku, StoredImage,
};
use staff_api::{StaffClient, StaffMember, StaffMock};
use tenant_api::{Added, TenantClient, TenantInfo, TenantMock};
use types::{
    AddressId, BrandId, CategoryId, ImageId, MemberId, SkuId, SpuId, StaffId, WarehouseId,
};

use super::*;

/// Everything that the services keep, by the tenant's code where it is one's own.
#[derive(Default)]
struct State {
    last_id: i64,
    /// Calls that are still answered; every later one fails, as after a kill.
    calls_left: usize,
    calls: usize,
    tenants: BTreeMap<String, TenantInfo>,
    staff: BTreeMap<(String, String), StaffMember>,
    members: BTreeMap<(String, String), MemberInfo>,
    addresses: BTreeMap<i64, Vec<SavedAddress>>,
    warehouses: BTreeMap<(String, String), Warehouse>,
    categories: BTreeMap<(String, String), Category>,
    brands: BTreeMap<(String, String), Brand>,
    images: usize,
    products: BTreeMap<(String, String), ProductInfo>,
    /// Tenant, sku and warehouse with the units.
    stock: BTreeMap<(String, i64, i64), i64>,
    flows: BTreeMap<(String, String), u32>,
}

type Shared = Arc<Mutex<State>>;

impl State {
    fn id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// What must be the same however often the seeding was cut off: everything but ids.
    fn facts(&self) -> String {
        let skus: BTreeMap<i64, &str> = self
            .products
            .values()
            .flat_map(|p| p.skus.iter().map(|s| (s.id.get(), s.code.as_str())))
            .collect();
        let stock: BTreeSet<String> = self
            .stock
            .iter()
            .map(|((tenant, sku, warehouse), n)| {
                let code = self.warehouses.values().find(|w| w.id.get() == *warehouse);
                format!("{tenant} {} {:?} {n}", skus[sku], code.map(|w| &w.code))
            })
            .collect();
        let books: BTreeMap<_, _> = self
            .members
            .values()
            .map(|m| {
                let book = &self.addresses[&m.id.get()];
                (
                    &m.login,
                    book.iter().map(|a| (a.is_default, &a.address.street)).collect::<Vec<_>>(),
                )
            })
            .collect();
        let products: Vec<_> =
            self.products.iter().map(|(k, p)| (k, p.images.len(), p.skus.len())).collect();
        let keys = (
            self.tenants.keys().collect::<Vec<_>>(),
            self.tenants.values().map(look_of).collect::<Vec<_>>(),
            self.staff.keys().collect::<Vec<_>>(),
            self.warehouses.keys().collect::<Vec<_>>(),
            self.categories.keys().collect::<Vec<_>>(),
            self.brands.keys().collect::<Vec<_>>(),
        );
        format!("{keys:?} {books:?} {products:?} {stock:?} {:?}", self.flows)
    }
}

/// What of a tenant's look is the same every time: not the ids in addresses.
fn look_of(tenant: &TenantInfo) -> (Option<&str>, bool, Vec<&str>) {
    let banners = tenant.banners.iter().filter(|b| b.image.is_some());
    let links = banners.map(|b| b.link.as_str()).collect();
    (tenant.theme.heading_font.as_deref(), tenant.theme.logo.is_some(), links)
}

/// A clone of the state's handle whose every use counts as a call.
#[derive(Clone)]
struct Fake(Shared);

impl Fake {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State { calls_left: usize::MAX, ..State::default() })))
    }

    fn peek<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn call<T>(&self, f: impl FnOnce(&mut State) -> T) -> Result<T, Fault> {
        self.peek(|state| {
            let left = state.calls_left.checked_sub(1);
            state.calls_left =
                left.ok_or_else(|| Fault::new(ErrorCode::Unavailable, "the process is gone"))?;
            state.calls += 1;
            Ok(f(state))
        })
    }

    fn services(&self) -> Services {
        Services {
            tenant: self.tenant(),
            staff: self.staff(),
            member: self.member(),
            product: self.product(),
            inventory: self.inventory(),
            order: self.order(),
        }
    }

    fn tenant(&self) -> TenantClient {
        let (one, two, three, four) = (self.clone(), self.clone(), self.clone(), self.clone());
        let mock = TenantMock::new()
            .on_get(move |ctx, _| Ok(three.call(|s| s.tenants[ctx.tenant.as_str()].clone())?))
            .on_update(move |ctx, req| {
                let update = |s: &mut State| {
                    let tenant = s.tenants.get_mut(ctx.tenant.as_str()).unwrap();
                    tenant.theme = req.theme.unwrap();
                    tenant.banners = req.banners.unwrap();
                    tenant.clone()
                };
                Ok(four.call(update)?)
            })
            .on_by_host(move |_, req| {
                let found = |s: &mut State| {
                    s.tenants.values().find(|t| t.hosts.contains(&req.host)).map(|t| t.code.clone())
                };
                Ok(one.call(found)?)
            })
            .on_add(move |_, req| {
                let shipping_fee = kit::Money::new(req.shipping_fee, req.currency).unwrap();
                let tenant = TenantInfo {
                    code: req.code,
                    name: req.name,
                    hosts: req.hosts,
                    currency: req.currency,
                    locales: req.locales,
                    theme: req.theme,
                    banners: Vec::new(),
                    shipping_fee,
                    placements: Placements::initial(req.placement),
                    version: 1,
                };
                two.call(|s| {
                    let before = s.tenants.insert(tenant.code.to_string(), tenant.clone());
                    assert!(before.is_none(), "{} twice", tenant.code);
                    Added { tenant, overlaps: Vec::new() }
                })
                .map_err(Into::into)
            });
        TenantClient::mock(mock)
    }

    fn staff(&self) -> StaffClient {
        let (one, two) = (self.clone(), self.clone());
        let mock = StaffMock::new()
            .on_list(move |ctx, _| {
                Ok(one.call(|s| Page {
                    items: of(&s.staff, ctx.tenant.as_str()),
                    next_cursor: None,
                })?)
            })
            .on_add(move |ctx, req| {
                two.call(|s| {
                    let id = StaffId::from_i64(s.id()).unwrap();
                    let key = (ctx.tenant.to_string(), req.login.clone());
                    let person = StaffMember {
                        id,
                        login: req.login,
                        name: req.name,
                        role: req.role,
                        enabled: true,
                        created_at: Timestamp::from_micros(0),
                    };
                    assert!(s.staff.insert(key, person.clone()).is_none(), "staff twice");
                    person
                })
                .map_err(Into::into)
            });
        StaffClient::mock(mock)
    }

    fn member(&self) -> MemberClient {
        let (list, register, book, put) = (self.clone(), self.clone(), self.clone(), self.clone());
        let mock = MemberMock::new()
            .on_list(move |ctx, req| {
                let mut items = list.call(|s| of(&s.members, ctx.tenant.as_str()))?;
                items.retain(|m: &MemberInfo| Some(&m.login) == req.login.as_ref());
                Ok(Page { items, next_cursor: None })
            })
            .on_register(move |ctx, req| {
                register
                    .call(|s| {
                        let member = MemberInfo {
                            id: MemberId::from_i64(s.id()).unwrap(),
                            login: req.login.clone(),
                            name: req.name,
                            locale: req.locale,
                            created_at: Timestamp::from_micros(0),
                        };
                        let key = (ctx.tenant.to_string(), req.login);
                        assert!(s.members.insert(key, member.clone()).is_none(), "member twice");
                        s.addresses.insert(member.id.get(), Vec::new());
                        let token = kit::Secret::new("t".to_owned());
                        Session { token, expires_at: Timestamp::from_micros(0), member }
                    })
                    .map_err(Into::into)
            })
            .on_list_addresses(move |ctx, _| {
                Ok(book.call(|s| s.addresses[&ctx.user_id().unwrap()].clone())?)
            })
            .on_put_address(move |ctx, req| {
                put.call(|s| {
                    let id = AddressId::from_i64(s.id()).unwrap();
                    let saved =
                        SavedAddress { id, is_default: req.is_default, address: req.address };
                    let book = s.addresses.get_mut(&ctx.user_id().unwrap()).unwrap();
                    book.push(saved.clone());
                    saved
                })
                .map_err(Into::into)
            });
        MemberClient::mock(mock)
    }

    fn inventory(&self) -> InventoryClient {
        let (list, add, set) = (self.clone(), self.clone(), self.clone());
        let mock = InventoryMock::new()
            .on_list_warehouses(move |ctx, _| {
                Ok(list.call(|s| of(&s.warehouses, ctx.tenant.as_str()))?)
            })
            .on_add_warehouse(move |ctx, req| {
                add.call(|s| {
                    let warehouse = Warehouse {
                        id: WarehouseId::from_i64(s.id()).unwrap(),
                        code: req.code.clone(),
                        name: req.name,
                        priority: req.priority,
                    };
                    let key = (ctx.tenant.to_string(), req.code);
                    assert!(s.warehouses.insert(key, warehouse.clone()).is_none(), "twice");
                    warehouse
                })
                .map_err(Into::into)
            })
            .on_set_available(move |ctx, req| {
                set.call(|s| {
                    let warehouse = req.warehouse_id.unwrap().get();
                    for (sku, units) in req.levels {
                        s.stock.insert((ctx.tenant.to_string(), sku.get(), warehouse), units);
                    }
                })
                .map_err(Into::into)
            });
        InventoryClient::mock(mock)
    }

    fn product(&self) -> ProductClient {
        let (list, get, create) = (self.clone(), self.clone(), self.clone());
        let (put, mock) = (self.clone(), self.shelves(ProductMock::new()));
        let mock = mock
            .on_put_image(move |_, req| {
                assert_eq!(req.content_type, "image/svg+xml");
                put.call(|s| {
                    s.images += 1;
                    let id = ImageId::from_i64(s.id()).unwrap();
                    StoredImage { id, url: format!("/media/{id}") }
                })
                .map_err(Into::into)
            })
            .on_list(move |ctx, _| {
                let items = list.call(|s| of(&s.products, ctx.tenant.as_str()))?;
                let items = items.into_iter().map(summary).collect();
                Ok(Page { items, next_cursor: None })
            })
            .on_get(move |ctx, req| {
                let product_api::ProductRef::Slug(slug) = req.product else { unreachable!() };
                let key = (ctx.tenant.to_string(), slug.to_string());
                Ok(get.call(|s| s.products[&key].clone())?)
            })
            .on_create(move |ctx, req| {
                create
                    .call(|s| {
                        let info = made(s, req);
                        let key = (ctx.tenant.to_string(), info.slug.to_string());
                        assert!(s.products.insert(key, info.clone()).is_none(), "{}", info.slug);
                        info
                    })
                    .map_err(Into::into)
            });
        ProductClient::mock(mock)
    }

    fn shelves(&self, mock: ProductMock) -> ProductMock {
        let (categories, category) = (self.clone(), self.clone());
        let (brands, brand) = (self.clone(), self.clone());
        mock.on_list_categories(move |ctx, _| {
            Ok(categories.call(|s| of(&s.categories, ctx.tenant.as_str()))?)
        })
        .on_create_category(move |ctx, req| {
            category
                .call(|s| {
                    let new = Category {
                        id: CategoryId::from_i64(s.id()).unwrap(),
                        parent_id: req.parent_id,
                        slug: req.slug,
                        name: req.name,
                        position: req.position,
                    };
                    let key = (ctx.tenant.to_string(), new.slug.to_string());
                    assert!(s.categories.insert(key, new.clone()).is_none(), "twice");
                    new
                })
                .map_err(Into::into)
        })
        .on_list_brands(move |ctx, _| Ok(brands.call(|s| of(&s.brands, ctx.tenant.as_str()))?))
        .on_create_brand(move |ctx, req| {
            brand
                .call(|s| {
                    let new = Brand { id: BrandId::from_i64(s.id()).unwrap(), name: req.name };
                    let key = (ctx.tenant.to_string(), new.name.clone());
                    assert!(s.brands.insert(key, new.clone()).is_none(), "twice");
                    new
                })
                .map_err(Into::into)
        })
    }

    fn order(&self) -> OrderClient {
        let (list, publish) = (self.clone(), self.clone());
        let info = |code: &str, version| FlowInfo {
            code: code.to_owned(),
            version,
            active: true,
            published_at: Timestamp::from_micros(0),
        };
        let mock = OrderMock::new()
            .on_list_flows(move |ctx, _| {
                let tenant = ctx.tenant.to_string();
                Ok(list.call(|s| {
                    let own = s.flows.iter().filter(|((t, _), _)| *t == tenant);
                    own.map(|((_, code), version)| info(code, *version)).collect()
                })?)
            })
            .on_publish_flow(move |ctx, req| {
                let document: serde_json::Value = serde_json::from_str(&req.document).unwrap();
                let code = document["code"].as_str().unwrap().to_owned();
                publish
                    .call(|s| {
                        let version = s.flows.entry((ctx.tenant.to_string(), code.clone()));
                        let version = *version.and_modify(|v| *v += 1).or_insert(1);
                        info(&code, version)
                    })
                    .map_err(Into::into)
            });
        OrderClient::mock(mock)
    }
}

fn of<T: Clone>(map: &BTreeMap<(String, String), T>, tenant: &str) -> Vec<T> {
    map.iter().filter(|((t, _), _)| t == tenant).map(|(_, v)| v.clone()).collect()
}

fn summary(p: ProductInfo) -> ProductSummary {
    ProductSummary {
        id: p.id,
        slug: p.slug,
        status: p.status,
        title: p.title,
        image: p.images.first().cloned(),
        price_from: None,
        price_varies: false,
        sku_count: 0,
    }
}

fn made(s: &mut State, new: product_api::NewProduct) -> ProductInfo {
    assert!(new.images.len() >= 2 && new.brand_id.is_some() && !new.category_ids.is_empty());
    let sku = |k: product_api::NewSku| Sku {
        id: SkuId::from_i64(s.id()).unwrap(),
        code: k.code,
        barcode: k.barcode,
        options: k.options,
        price: None,
        compare_at: None,
        weight_grams: k.weight_grams,
        image: k.image,
    };
    let skus = new.skus.into_iter().map(sku).collect();
    ProductInfo {
        id: SpuId::from_i64(s.id()).unwrap(),
        slug: new.slug,
        status: new.status,
        title: new.title,
        description: new.description,
        brand: None,
        category_ids: new.category_ids,
        tags: new.tags,
        attributes: new.attributes,
        options: new.options,
        images: new.images,
        skus,
        version: 1,
        updated_at: Timestamp::from_micros(0),
    }
}

/// One run, as a start of the demo does it.
async fn run(fake: &Fake, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Seeded, SeedError> {
    let services = fake.services();
    let entropy: SharedEntropy = SeededEntropy::new(7);
    let options = SeedOptions { close_after: "PT30M".into(), with_fuzz_tenant: true };
    let shops = shops(true).unwrap();
    let seeder = Seeder::new(&services, &entropy, &options, progress, &shops);
    seeder.tenants(&shops).await?;
    seeder.fill(&shops).await?;
    Ok(seeded(&shops))
}

#[tokio::test]
async fn a_fresh_platform_gets_everything_and_the_next_start_changes_nothing() {
    let fake = Fake::new();
    let seen = Mutex::new(Vec::new());
    let progress = |done, total| seen.lock().unwrap().push((done, total));
    let seeded = run(&fake, &progress).await.unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted() && seen.last().is_some_and(|(done, total)| done == total));
    let hosts: Vec<_> = seeded.tenants.iter().map(|t| t.host.as_str()).collect();
    let expected = ["flora.localhost", "gadget.localhost", "outlet.localhost", "fuzz.localhost"];
    assert_eq!(hosts, expected);
    let owners = seeded.logins.iter().filter(|l| l.kind == "staff" && l.role == "owner").count();
    assert_eq!((owners, seeded.logins.len()), (4, 24));
    let (facts, calls) = fake.peek(|s| (s.facts(), s.calls));
    fake.peek(|s| {
        assert!(s.products.len() >= 60 && s.images > s.products.len());
        assert_eq!((s.tenants.len(), s.warehouses.len(), s.flows.len()), (4, 8, 8));
        let skus: usize = s.products.values().map(|p| p.skus.len()).sum();
        assert_eq!(s.stock.len(), 2 * skus);
    });
    let again = run(&fake, &|_, _| {}).await.unwrap();
    assert_eq!(again.logins, seeded.logins);
    let (after, more) = fake.peek(|s| (s.facts(), s.calls - calls));
    assert_eq!(after, facts);
    assert!(more <= 8, "a complete platform is looked at with {more} calls");
}

#[tokio::test]
async fn a_seeding_cut_off_after_any_call_is_completed_by_the_next_and_nothing_is_there_twice() {
    let whole = Fake::new();
    run(&whole, &|_, _| {}).await.unwrap();
    let (facts, calls) = whole.peek(|s| (s.facts(), s.calls));
    assert!(calls > 100);
    // Every call near both ends, and a sample of those between.
    let cuts = (0..calls).filter(|n| *n < 40 || *n + 40 > calls || n % 29 == 0);
    for cut in cuts {
        let fake = Fake::new();
        fake.peek(|s| s.calls_left = cut);
        assert!(run(&fake, &|_, _| {}).await.is_err(), "{cut}");
        // Killed once more on the way.
        fake.peek(|s| s.calls_left = cut / 2 + 3);
        let _ = run(&fake, &|_, _| {}).await;
        fake.peek(|s| s.calls_left = usize::MAX);
        run(&fake, &|_, _| {}).await.unwrap_or_else(|e| panic!("after {cut} calls: {e}"));
        assert_eq!(fake.peek(|s| s.facts()), facts, "after {cut} calls");
    }
}
