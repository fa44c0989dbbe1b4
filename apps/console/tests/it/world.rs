//! All services as mocks. A test replaces the answers that it is about; what it does not set answers that
//! it is not there.

use console::{Deps, Options, Running};
use fulfillment_api::{FulfillClient, FulfillMock};
use inventory_api::{InventoryClient, InventoryMock};
use member_api::{MemberClient, MemberMock};
use messages_api::{MessagesClient, MessagesMock};
use order_api::{OrderClient, OrderMock};
use payment_api::{PaymentClient, PaymentMock};
use product_api::{ProductClient, ProductMock};
use rpc::{Actor, Ctx};
use search_api::{SearchClient, SearchMock};
use staff_api::{Role, StaffClient, StaffMock};
use tasks::Tasks;
use tenant_api::{CachedTenants, TenantClient, TenantMock};
use web::testing::Browser;

use crate::data;

pub const CSRF_COOKIE: &str = "stoa_desk_csrf";

pub struct World {
    pub tenants: TenantMock,
    pub staff: StaffMock,
    pub members: MemberMock,
    pub products: ProductMock,
    pub inventory: InventoryMock,
    pub orders: OrderMock,
    pub payments: PaymentMock,
    pub fulfillment: FulfillMock,
    pub search: SearchMock,
    pub messages: MessagesMock,
    pub options: Options,
    pub role: Role,
}

impl World {
    /// With somebody in this role in front of the screen.
    pub fn of(role: Role) -> Self {
        Self {
            tenants: TenantMock::new().on_get(|_, _| Ok(data::tenant())),
            staff: StaffMock::new().on_me(move |_, _| Ok(data::staff(role))),
            members: MemberMock::new(),
            products: ProductMock::new(),
            inventory: InventoryMock::new(),
            orders: OrderMock::new(),
            payments: PaymentMock::new(),
            fulfillment: FulfillMock::new(),
            search: SearchMock::new(),
            messages: MessagesMock::new(),
            options: Options::default(),
            role,
        }
    }

    pub fn owner() -> Self {
        Self::of(Role::Owner)
    }

    pub fn start(self) -> Running {
        let clock = testkit::test_clock();
        let tasks = Tasks::new();
        let tenant = TenantClient::mock(self.tenants);
        let deps = Deps {
            tenants: CachedTenants::new(tenant.clone(), clock.clone()),
            tenant,
            staff: StaffClient::mock(self.staff),
            members: MemberClient::mock(self.members),
            products: ProductClient::mock(self.products),
            inventory: InventoryClient::mock(self.inventory),
            orders: OrderClient::mock(self.orders),
            payments: PaymentClient::mock(self.payments),
            fulfillment: FulfillClient::mock(self.fulfillment),
            search: SearchClient::mock(self.search),
            messages: MessagesClient::mock(self.messages),
            hub: web::Hub::new(web::live::Options::default(), tasks.token()),
            tasks,
            entropy: testkit::seeded_entropy(1),
            clock,
        };
        console::start(deps, self.options)
    }

    /// Whoever has the role, signed in.
    pub fn desk(self) -> Browser {
        let role = self.role;
        visitor(self.start().pages).acting(actor(role))
    }

    /// Nobody in particular.
    pub fn visitor(self) -> Browser {
        visitor(self.start().pages)
    }
}

pub fn visitor(pages: axum::Router) -> Browser {
    let ctx = Ctx { actor: Actor::anonymous(), ..testkit::test_ctx("flora") };
    Browser::new(pages, ctx, CSRF_COOKIE)
}

/// Somebody in a role, as the bus says it.
pub fn actor(role: Role) -> Actor {
    let permissions = role.permissions().iter().map(|p| (*p).to_owned()).collect();
    Actor::operator(data::STAFF, permissions)
}
