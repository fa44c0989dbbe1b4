//! Each method breaks the shape in its own way; all are told at once.

pub struct Ctx;
pub struct Request;
pub struct Response;
pub struct Error;
pub struct OtherError;

#[rpc_macros::service(name = "greeter")]
pub trait Greeter: Send + Sync + 'static {
    fn not_async(&self, ctx: &Ctx, req: Request) -> Result<Response, Error>;
    async fn no_self(ctx: &Ctx, req: Request) -> Result<Response, Error>;
    async fn self_by_value(self, ctx: &Ctx, req: Request) -> Result<Response, Error>;
    async fn self_mutable(&mut self, ctx: &Ctx, req: Request) -> Result<Response, Error>;
    async fn no_context(&self, req: Request) -> Result<Response, Error>;
    async fn context_by_value(&self, ctx: Ctx, req: Request) -> Result<Response, Error>;
    async fn context_mutable(&self, ctx: &mut Ctx, req: Request) -> Result<Response, Error>;
    async fn no_request(&self, ctx: &Ctx) -> Result<Response, Error>;
    async fn two_requests(&self, ctx: &Ctx, a: Request, b: Request) -> Result<Response, Error>;
    async fn borrowed_request(&self, ctx: &Ctx, req: &Request) -> Result<Response, Error>;
    async fn closure(&self, ctx: &Ctx, req: impl Fn()) -> Result<Response, Error>;
    async fn generic<T>(&self, ctx: &Ctx, req: T) -> Result<Response, Error>;
    async fn lifetime<'a>(&'a self, ctx: &'a Ctx, req: Request) -> Result<Response, Error>;
    async fn infallible(&self, ctx: &Ctx, req: Request) -> Response;
    async fn nothing(&self, ctx: &Ctx, req: Request);
    async fn alias(&self, ctx: &Ctx, req: Request) -> Result<Response>;
    async fn borrowed_response(&self, ctx: &Ctx, req: Request) -> Result<&str, Error>;
    async fn mock(&self, ctx: &Ctx, req: Request) -> Result<Response, Error>;
    const LIMIT: usize;
    type Item;
}

#[rpc_macros::service(name = "greeter")]
pub trait TwoErrors: Send + Sync + 'static {
    async fn one(&self, ctx: &Ctx, req: Request) -> Result<Response, Error>;
    async fn two(&self, ctx: &Ctx, req: Request) -> Result<Response, OtherError>;
}

fn main() {}
