//! `scripts/gpu-statistics` and `scripts/shader-judges`: what they reject, without a compiler.

use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An awk program of `scripts`, on files of these texts.
fn awk(program: &str, variables: &[&str], texts: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("awk");
    command.current_dir(folder.path()).arg("-f").arg(root().join("scripts").join(program));
    for variable in variables {
        command.args(["-v", variable]);
    }
    for (name, text) in texts {
        std::fs::write(folder.path().join(name), text).unwrap();
        command.arg(name);
    }
    command.output().unwrap()
}

const INDEX: &str = "loss\tloss\t-\tus\tnobody\nbad\tbad\t-\ts\tstatistics,fxc\nworse\tworse\t-\ts\ttint\n";
const FIGURES: &str = "# mesa 1\ncompiler\tkernel\nnavi21\tloss\t64\t16\t0\t0\t0\t32\t200\t100\n";
/// The broken kernel, seen to be broken.
const BROKEN: &str = "navi21\tbad\t64\t16\t0\t64\t0\t32\t200\t100\n";

/// Whether a new line for the one kernel is taken, and what is said.
fn judged(mesa: &str, lines: &str) -> (bool, String) {
    let new = format!("# mesa {mesa}\ncompiler\tkernel\n{lines}");
    let files = [("index", INDEX), ("figures", FIGURES), ("new", new.as_str())];
    let output = awk("statistics_check.awk", &[], &files);
    (output.status.success(), stdout(&output))
}

#[test]
fn a_kernel_that_spills_or_is_worse_is_rejected() {
    let line = |spills, scratch, waves, cycles| {
        format!("navi21\tloss\t64\t16\t{spills}\t{scratch}\t0\t{waves}\t200\t{cycles}\n{BROKEN}")
    };
    let (taken, said) = judged("1", &line(0, 0, 32, 103));
    assert!(taken && said.contains("1 compilations"), "{said}");
    for (mesa, lines, expected) in [
        ("1", line(1, 0, 32, 100), "loss on navi21: spills 1 registers"),
        ("1", line(0, 64, 32, 100), "loss on navi21: keeps 64 bytes in scratch memory"),
        ("1", line(0, 0, 31, 100), "loss on navi21: 31 waves, not 32"),
        ("1", line(0, 0, 32, 104), "loss on navi21: 104 cycles, not 100"),
        ("1", line(0, 0, 32, 100).replace("loss", "new"), "new on navi21: has no figures"),
        ("1", BROKEN.into(), "loss on navi21: is made no more"),
        (
            "1",
            line(0, 0, 32, 100).replace("\t0\t64\t", "\t0\t0\t"),
            "bad on navi21: the compiler tells of no scratch memory",
        ),
        ("1", line(0, 0, 32, 100).replace(BROKEN, ""), "no broken kernel shows on navi21"),
        ("1", String::new(), "no kernel was compiled"),
        ("2", line(0, 64, 32, 100), "loss on navi21: keeps 64 bytes"),
    ] {
        let (taken, said) = judged(mesa, &lines);
        assert!(!taken && said.contains(expected), "{lines}{said}");
    }
    // Another compiler of the same name may schedule as it likes.
    let (taken, said) = judged("2", &line(0, 0, 8, 1000));
    assert!(taken && said.contains("another Mesa (# mesa 2)"), "{said}");
    // And one without figures has none to hold.
    let (taken, said) = judged("1", &format!("{}{}", line(0, 0, 32, 100), line(0, 0, 8, 900).replace("navi21", "tgl")));
    assert!(taken && said.contains("2 compilations"), "{said}");
}

#[test]
fn a_judge_that_rejects_is_heard_and_one_that_accepts_all_is_none() {
    let asked = "f/loss\tloss\t-\nf/bad\tbad\t-\n";
    let judged = |answers: &str| {
        let files = [("asked", asked), ("index", INDEX), ("answers", answers)];
        let output = awk("judges_verdict.awk", &["judge=fxc", "form=f"], &files);
        (output.status.success(), stdout(&output))
    };
    let good = "f/loss\twarned\twarning X4000: uninitialized\nf/bad\trejected\terror X1\n";
    let (taken, said) = judged(good);
    assert!(taken && said.contains("1 of 1 pipelines accepted, 1 broken rejected"), "{said}");
    for (answers, expected) in [
        (good.replace("warned", "rejected"), "f/loss: REJECTED"),
        (good.replace("X4000", "X4714"), "f/loss: REJECTED"),
        ("f/loss\tok\t\nf/loss\twarned\twarning X4714: too much\nf/bad\trejected\t\n".into(), "f/loss: REJECTED"),
        (good.replace("rejected", "ok"), "f/bad: ACCEPTED, and is broken"),
        (good.lines().skip(1).collect(), "f/loss: no answer"),
        (good.lines().take(1).collect(), "f/bad: no answer"),
        (String::new(), "no broken shader was rejected"),
    ] {
        let (taken, said) = judged(&answers);
        assert!(!taken && said.contains(expected), "{answers}\n{said}");
    }
}

/// Two loops in one, of which the second multiplies more.
#[test]
fn the_inner_loop_with_the_most_multiply_adds_is_counted() {
    let listing = "BB0:\n\ts_mov_b32 s0, 0 ; 00\nBB1:\n\tv_fma_f32 v0, v1, v2, v3 ; 00\nBB2:\n\tv_fmac_f32_e32 v0, v1, v2 ; 00\n\
                   \tv_mad_u32_u24 v0, v1, v2, v3 ; 00\n\ts_cbranch_scc1 BB2 ; 00\nBB3:\n\tv_fma_f32 v0, v1, v2, v3 ; 00\n\
                   \tv_pk_fma_f32 v0, v1, v2, v3 ; 00\n\ts_cbranch_scc0 BB4 ; 00\n\ts_branch BB3 ; 00\nBB4:\n\ts_branch BB1 ; 00\n";
    let straight = "BB0:\n\tv_fma_f32 v0, v1, v2, v3 ; 00\n";
    let files = [("first.Assembly", listing), ("straight.Assembly", straight), ("last.Assembly", listing)];
    let output = awk("inner_loops.awk", &["compiler=navi21"], &files);
    assert_eq!(stdout(&output), "navi21 first 4 2 50%\nnavi21 last 4 2 50%\n");
}

#[test]
fn options_that_are_none_are_rejected() {
    for (script, word) in [
        ("gpu-statistics", "--upadte"),
        ("gpu-statistics", "navi21"),
        ("shader-judges", "--only"),
        ("shader-judges", "glslang"),
        ("test-drivers", "lavapip"),
    ] {
        let output = Command::new("bash").arg(root().join("scripts").join(script)).arg(word).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(word), "{script} {word}: {said}");
    }
    for script in ["gpu-statistics", "shader-judges"] {
        let output = Command::new("bash").arg(root().join("scripts").join(script)).arg("--help").output().unwrap();
        assert!(output.status.success() && stdout(&output).contains(&format!("scripts/{script}")), "{script}");
    }
}
