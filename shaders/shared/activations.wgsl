// tanh and sigmoid of four numbers, to about 1e-7 of their value: the built-in tanh is 2e-5 off on common drivers.
// Infinities give the limits; what is not a number stays so.

// e^x for |x| <= 60: x = n·ln 2 + r, ln 2 in two parts so that r is exact, and a polynomial on |r| <= ln(2)/2 (Cephes).
fn exp4(x: vec4<f32>) -> vec4<f32> {
    let n = floor(x * 1.44269504 + 0.5);
    let r = (x - n * 0.693359375) + n * 2.12194440e-4;
    var y = vec4<f32>(1.9875691500e-4);
    y = y * r + 1.3981999507e-3;
    y = y * r + 8.3334519073e-3;
    y = y * r + 4.1665795894e-2;
    y = y * r + 1.6666665459e-1;
    y = y * r + 5.0000001201e-1;
    y = (y * r) * r + r + 1.0;
    return y * bitcast<vec4<f32>>((vec4<i32>(n) + 127) << vec4<u32>(23u));
}

fn is_nan4(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4<u32>(0x7FFFFFFFu)) > vec4<u32>(0x7F800000u);
}

// 1 / (1 + e^-x), from the side on which nothing cancels.
fn sigmoid4(x: vec4<f32>) -> vec4<f32> {
    let e = exp4(-min(abs(x), vec4<f32>(60.0)));
    let y = select(vec4<f32>(1.0), e, x < vec4<f32>(0.0)) / (1.0 + e);
    return select(y, x, is_nan4(x));
}

// Near 0 an odd polynomial (Cephes), which keeps the relative error small; beyond, 1 - 2 / (e^2|x| + 1).
fn tanh4(x: vec4<f32>) -> vec4<f32> {
    let a = min(abs(x), vec4<f32>(20.0));
    let s = a * a;
    var q = vec4<f32>(-5.70498872745e-3);
    q = q * s + 2.06390887954e-2;
    q = q * s - 5.37397155531e-2;
    q = q * s + 1.33314422036e-1;
    q = q * s - 3.33332819422e-1;
    let near = (q * s) * a + a;
    let far = 1.0 - 2.0 / (exp4(2.0 * a) + 1.0);
    let y = select(far, near, a < vec4<f32>(0.625));
    return select(select(y, -y, x < vec4<f32>(0.0)), x, is_nan4(x));
}

// By a comparison, which lets what is not a number through.
fn relu4(x: vec4<f32>) -> vec4<f32> {
    return select(x, vec4<f32>(0.0), x <= vec4<f32>(0.0));
}
