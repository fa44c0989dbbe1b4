//! The words of the pages, both languages side by side. A missing word does not compile. What belongs to
//! a shop (names, descriptions, labels of its flow) does not stand here.

mod flow;
mod phrases;

use crate::lang::Lang;

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)+) => {
        /// The fixed words of the pages in one language.
        #[derive(Debug)]
        pub struct Words {
            /// The language that these words are in.
            pub lang: Lang,
            $(#[doc = $en] pub $name: &'static str,)+
        }

        static EN: Words = Words { lang: Lang::En, $($name: $en,)+ };
        static ZH_CN: Words = Words { lang: Lang::ZhCn, $($name: $zh,)+ };

        #[cfg(test)]
        impl Words {
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

impl Words {
    /// The words of a language.
    #[must_use]
    pub fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::En => &EN,
            Lang::ZhCn => &ZH_CN,
        }
    }
}

words! {
    html_lang: "en", "zh-CN";
    skip_to_content: "Skip to content", "跳到正文";
    main_menu: "Main menu", "主菜单";
    language: "Language", "语言";
    back: "Back", "返回";
    save: "Save", "保存";
    next_page: "Next page", "下一页";
    first_page: "First page", "第一页";
    no_picture: "No picture", "暂无图片";
    optional: "optional", "选填";
    powered_by: "Runs on Stoa", "由 Stoa 提供支持";

    home: "Home", "首页";
    all_products: "All products", "全部商品";
    new_arrivals: "New arrivals", "新品上架";
    categories: "Categories", "商品分类";
    subcategories: "In this category", "子分类";
    no_products: "There are no products here yet.", "这里还没有商品。";
    from_price: "from", "起价";
    price: "Price", "价格";
    price_before: "Price before", "原价";
    pictures: "Pictures", "商品图片";
    choose_variant: "Choose", "请选择";
    not_offered: "not offered", "不可选";
    sold_out: "Sold out", "已售罄";
    in_stock: "In stock", "有货";
    not_for_sale: "Not for sale", "暂不出售";
    not_sold_now: "This product is not sold at the moment.", "该商品目前不出售。";
    quantity: "Quantity", "数量";
    add_to_cart: "Add to cart", "加入购物车";
    description: "Description", "商品介绍";
    details: "Details", "商品参数";
    brand: "Brand", "品牌";
    article_number: "Article number", "货号";

    cart: "Cart", "购物车";
    cart_empty: "Your cart is empty.", "购物车是空的。";
    go_shopping: "Look around the shop", "去逛逛";
    update: "Update", "更新";
    remove: "Remove", "移除";
    subtotal: "Subtotal", "小计";
    each: "each", "/ 件";
    line_gone: "This product is no longer sold. Remove it to go on.", "该商品已下架，请移除后继续。";
    gone_product: "A product that is gone", "已下架的商品";
    to_checkout: "Go to checkout", "去结算";
    shipping_at_checkout: "Shipping is added at checkout.", "运费在结算时计算。";
    bad_quantity: "The quantity must be a whole number from 1 to 10,000.", "数量必须是 1 到 10000 的整数。";
    cart_full: "A cart holds at most 100 lines.", "购物车最多 100 种商品。";
    cart_not_sellable: "This product is not on sale.", "该商品未在售。";
    cart_has_gone_lines: "Remove what is no longer sold, then go to checkout.", "请先移除已下架的商品再结算。";

    sign_in: "Sign in", "登录";
    sign_out: "Sign out", "退出登录";
    register: "Register", "注册";
    email: "E-mail address", "电子邮箱";
    password: "Password", "密码";
    password_hint: "8 to 128 characters", "8 到 128 个字符";
    your_name: "Name", "称呼";
    no_account_yet: "No account yet?", "还没有账号？";
    have_account: "You have an account?", "已有账号？";
    sign_in_to_go_on: "Sign in or register to go on.", "请登录或注册后继续。";
    bad_login: "The e-mail address or the password is wrong.", "邮箱或密码错误。";
    login_taken: "Somebody is registered with this e-mail address already.", "该邮箱已被注册。";
    bad_email: "Enter an e-mail address, such as name@example.com.", "请输入电子邮箱，例如 name@example.com。";
    bad_password: "Enter 8 to 128 characters.", "请输入 8 到 128 个字符。";
    signed_in_already: "You are signed in.", "您已登录。";

    checkout: "Checkout", "结算";
    where_to: "Where does it go?", "收货地址";
    how_to_pay: "How do you pay?", "支付方式";
    your_order: "Your order", "订单明细";
    new_address: "Another address", "使用新地址";
    address: "Address", "地址";
    recipient: "Recipient", "收件人";
    phone: "Phone", "电话";
    country: "Country (two letters)", "国家代码（两个字母）";
    country_hint: "such as CN", "例如 CN";
    region: "Province or state", "省 / 州";
    city: "City", "城市";
    street: "Street, house, flat", "详细地址";
    postal_code: "Postal code", "邮政编码";
    pay_by_card: "By card", "银行卡";
    pay_by_card_hint: "You enter the card on the next page.", "下一页填写银行卡信息。";
    cash_on_delivery: "Cash on delivery", "货到付款";
    cash_hint: "You pay whoever brings the parcel.", "收货时付款给送货员。";
    note_to_shop: "A word to the shop", "给卖家留言";
    shipping: "Shipping", "运费";
    shipping_free: "free", "免运费";
    total: "Total", "合计";
    tax_included: "Tax included", "含税";
    place_order: "Place order", "提交订单";
    back_to_cart: "Back to the cart", "返回购物车";
    price_changed: "The price has changed. Look at the new total, then place the order again.", "价格已变动，请确认新的合计后再次提交。";
    checkout_over: "Your cart was changed meanwhile. Look at the order again before you place it.", "购物车已变动，请重新确认后提交。";
    order_line_gone: "Something in your order is no longer sold:", "订单中有商品已下架：";
    sold_out_lines: "There is not enough of this:", "以下商品库存不足：";
    change_cart: "Change the cart", "修改购物车";
    too_many_addresses: "Your address book is full; choose one of its addresses.", "地址簿已满，请选择已有地址。";
    choose_address: "Choose an address.", "请选择地址。";
    choose_payment: "Choose how you pay.", "请选择支付方式。";
    fill_this: "Fill this in.", "请填写此项。";
    too_long: "This is too long.", "内容太长。";
    not_understood: "This is not valid.", "内容无效。";
    look_below: "Some entries need another look.", "有些内容需要修改。";
    placing: "Your order is being placed", "订单正在提交";
    placing_text: "This takes a moment. The page looks again by itself.", "请稍候，页面会自动刷新。";

    card_payment: "Pay by card", "银行卡支付";
    card_number: "Card number", "卡号";
    card_expiry: "Expiry date (MM/YY)", "有效期（MM/YY）";
    card_cvc: "Security code", "安全码";
    pay_now: "Pay now", "立即支付";
    bad_card_number: "A card number has 12 to 19 digits.", "卡号为 12 到 19 位数字。";
    bad_card_expiry: "Enter month and year, such as 08/29.", "请输入月/年，例如 08/29。";
    bad_card_cvc: "The security code has 3 or 4 digits.", "安全码为 3 或 4 位数字。";
    card_never_kept: "The card goes to the payment provider and is not kept here.", "银行卡信息直接提交支付机构，本站不保存。";
    payment_declined: "The payment was declined.", "支付被拒绝。";
    payment_failed: "The payment did not go through; nothing was charged. Try again.", "支付未成功，未扣款，请重试。";
    declined_funds: "There is not enough money on the card.", "卡内余额不足。";
    declined_expired: "The card has expired.", "银行卡已过期。";
    declined_cvc: "The security code is wrong.", "安全码错误。";
    declined_card: "The bank said no. Try another card.", "银行拒绝了该交易，请换一张卡。";
    form_outdated: "This page was too old. Try again.", "页面已过期，请重试。";

    order: "Order", "订单";
    my_orders: "My orders", "我的订单";
    no_orders: "You have not ordered anything yet.", "您还没有订单。";
    order_status: "Status", "状态";
    placed_at: "Placed", "下单时间";
    payment: "Payment", "支付";
    payment_processing: "Your payment is being processed. The page looks again by itself.", "支付处理中，页面会自动刷新。";
    waits_for_payment: "This order waits for your payment.", "订单等待付款。";
    paid: "Paid", "已支付";
    refunded: "Refunded", "已退款";
    history: "History", "订单记录";
    parcels: "Parcels", "包裹";
    tracking_number: "Tracking number", "运单号";
    shipped_at: "Sent", "已发货";
    delivered_at: "Delivered", "已送达";
    what_you_can_do: "What you can do", "可用操作";
    delivery_and_payment: "Delivery and payment", "配送与支付";
    items: "Items", "商品";
    by_buyer: "you", "您";
    by_staff: "shop", "商家";
    by_system: "system", "系统";
    order_stale: "The order was changed meanwhile; this is how it stands now.", "订单已变动，这是最新状态。";
    order_not_allowed: "This is not possible now; this is how the order stands.", "当前无法执行该操作，这是最新状态。";

    error: "Something is wrong", "出错了";
    not_found_title: "Not found", "页面不存在";
    not_found_text: "There is nothing at this address, or it is not yours to see.", "此地址没有内容，或您无权查看。";
    forbidden_title: "Not allowed", "没有权限";
    forbidden_text: "You may not do this.", "您没有权限执行此操作。";
    csrf_text: "This form was not sent from this shop, or it was open for too long. Go back, reload the page and try again.", "此表单不是从本店发出的，或页面打开时间过长。请返回刷新后重试。";
    bad_request_title: "Not understood", "无法理解的请求";
    bad_request_text: "The shop did not understand this.", "商店无法理解此请求。";
    busy_title: "Busy right now", "系统繁忙";
    busy_text: "The shop cannot answer right now. Try again in a moment.", "商店暂时无法响应，请稍后重试。";
    internal_title: "Something went wrong on our side", "服务器出错";
    internal_text: "We have been told. Try again in a moment.", "我们已收到通知，请稍后重试。";
    request_id: "Request", "请求编号";

    shops: "Shops", "商店";
    shops_text: "These shops run here.", "这里运行着以下商店。";
    no_shops: "No shop runs here yet.", "这里还没有商店。";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_exists_in_both_languages() {
        for lang in Lang::ALL {
            let words = Words::of(lang);
            assert_eq!(words.lang, lang);
            for (name, text) in words.all() {
                assert!(!text.trim().is_empty(), "{name} in {lang:?}");
                assert_eq!(text.trim(), text, "{name} in {lang:?}");
            }
        }
        let same: Vec<_> = EN.all().into_iter().filter(|w| ZH_CN.all().contains(w)).collect();
        assert_eq!(same, [], "not translated");
    }
}
