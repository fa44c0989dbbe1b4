//! The registry of id types, alphabetical. An id of one kind cannot be passed for another.

kit::id_types! {
    /// An address in a member's book.
    AddressId,
    /// A brand of products.
    BrandId,
    /// A category of products.
    CategoryId,
    /// An API credential of a tenant.
    CredentialId,
    /// A picture kept by the platform.
    ImageId,
    /// One import of a file.
    ImportId,
    /// A registered shopper of a tenant.
    MemberId,
    /// An order; also the token of the checkout that leads to it. Routes to its cell.
    OrderId,
    /// One attempt to pay an order. Routes to the order's cell.
    PaymentId,
    /// One refund of a payment. Routes to the order's cell.
    RefundId,
    /// One parcel under way. Routes to the order's cell.
    ShipmentId,
    /// What is bought and stocked: one variant of a product.
    SkuId,
    /// A product with all its variants (standard product unit).
    SpuId,
    /// Somebody who works for a tenant.
    StaffId,
    /// A place that holds stock.
    WarehouseId,
}
