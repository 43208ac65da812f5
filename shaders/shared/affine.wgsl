// The location of a forecast, and its gradient as that of the head's output, where a weight and a bias of each target are undone or
// not; the statistics carry no gradient. For kernels that bind `params`.
fn location(replica: u32, at: Place) -> f32 {
    var value = first_output(replica, at);
    if (p.forecast.affine == 1u) {
        let word = replica * p.forecast.params_row + at.k;
        value = (value - params[word + p.forecast.bias]) / (params[word + p.forecast.weight] + REVIN_EPSILON);
    }
    return located(replica, at, value);
}

fn head_slope(replica: u32, at: Place, d_location: f32) -> f32 {
    let d = d_location * unit(replica, at);
    if (p.forecast.affine == 1u) {
        return d / (params[replica * p.forecast.params_row + p.forecast.weight + at.k] + REVIN_EPSILON);
    }
    return d;
}
