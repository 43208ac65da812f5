// ln(1 + x) of x >= 0: up to 1 by 2·artanh(x / (2 + x)), since 1 + x would round a small x away.
fn ln_1p(x: f32) -> f32 {
    if (x > 1.0) {
        return log(1.0 + x);
    }
    let s = x / (2.0 + x);
    let square = s * s;
    var y = 1.0 / 13.0;
    y = y * square + 1.0 / 11.0;
    y = y * square + 1.0 / 9.0;
    y = y * square + 1.0 / 7.0;
    y = y * square + 1.0 / 5.0;
    y = y * square + 1.0 / 3.0;
    y = y * square + 1.0;
    return 2.0 * s * y;
}

// ln(1 + e^x)
fn softplus(x: f32) -> f32 {
    let tail = ln_1p(exp(-abs(x)));
    return select(tail, x + tail, x > 0.0);
}

// 1 / (1 + e^-x), from the side on which nothing overflows.
fn logistic(x: f32) -> f32 {
    let e = exp(-abs(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}
