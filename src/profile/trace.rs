//! The timed steps as a trace in Chrome's event format, which Perfetto and chrome://tracing open.

use serde_json::{Value, json};

use super::Profile;

/// One process per profile; in it a row of steps and a row of what ran in them. Times are microseconds from the first.
pub fn trace_json(profiles: &[&Profile]) -> String {
    let mut events = Vec::new();
    for (pid, profile) in profiles.iter().enumerate() {
        let process = format!("{} ({} engine)", profile.device, profile.engine);
        events.push(name("process_name", pid, 0, &process));
        events.push(name("thread_name", pid, 1, "steps"));
        events.push(name("thread_name", pid, 2, "ops"));
        // The clock of due steps may have restarted: each kind is counted from its own first piece, one after the other.
        let mut shift = 0.0;
        for kind in profile.traced.chunk_by(|a, b| a.due == b.due) {
            let pieces = || kind.iter().flat_map(|step| &step.pieces);
            let begin = pieces().map(|piece| piece.span.begin).fold(f64::INFINITY, f64::min);
            let end = pieces().map(|piece| piece.span.end).fold(begin, f64::max);
            let micros = |seconds: f64| 1e6 * (seconds - begin + shift);
            for (i, step) in kind.iter().enumerate() {
                let [Some(first), Some(last)] = [step.pieces.first(), step.pieces.last()] else { continue };
                let name = format!("{} {}", if step.due { "due step" } else { "step" }, i + 1);
                let times = [first.span.begin, last.span.end].map(micros);
                events.push(complete(&name, "step", (pid, 1), times, json!({})));
                for piece in &step.pieces {
                    let list = format!("{:?}", piece.list).to_lowercase();
                    let args = json!({
                        "op": piece.span.op,
                        "flops of the op": piece.cost.flops,
                        "bytes of the op": piece.cost.bytes(),
                    });
                    let times = [piece.span.begin, piece.span.end].map(micros);
                    events.push(complete(piece.span.kernel, &list, (pid, 2), times, args));
                }
            }
            shift += end - begin;
        }
    }
    format!("{:#}\n", json!({ "displayTimeUnit": "ns", "traceEvents": events }))
}

fn name(what: &str, pid: usize, tid: usize, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": pid, "tid": tid, "args": { "name": name } })
}

fn complete(name: &str, category: &str, (pid, tid): (usize, usize), [begin, end]: [f64; 2], args: Value) -> Value {
    json!({
        "ph": "X", "name": name, "cat": category, "pid": pid, "tid": tid, "ts": begin, "dur": end - begin, "args": args
    })
}
