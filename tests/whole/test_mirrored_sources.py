"""Tests mirror the sources: each source has a test, and each test lies where its source does."""

from sources import ROOT, SOURCES, name_of

COVERED_ELSEWHERE = {  # source -> the test that covers it, in the same folder or from tests/ on
    "__main__": "snnc/cli/test_process",
    "walk": "test_tree",
    "errors": "snnc/cli/test_main",
    "validation": "test_network",
    **dict.fromkeys(("method", "baseline", "tna", "tna3", "kd", "kd_ce"), "toolchain/training/test_methods"),
    **dict.fromkeys(("bisnn_st", "bisnn_bayes"), "toolchain/training/test_methods"),
    "toolchain/training/members": "snnc/test_members",
    "evaluating": "test_posterior",
    "simulate_members": "test_export_members",
    "simulate_recording": "snnc/verification/test_recorded",
    **dict.fromkeys(("reliability", "predictions", "snnc/evaluation/evaluate"), "snnc/cli/test_evaluate"),
    "toolchain/network/predictions": "test_predictions",
    "dataset": "test_table",
    **dict.fromkeys(("integers", "mapped"), "test_data_file"),
    **dict.fromkeys(("reading", "reading_child"), "test_arrays"),
    "callbacks": "test_train",
    "resume": "whole/test_resume",
    "model_file": "models/test_python_file",
    "companions": "test_methods",
    "metrics": "test_checkpoint",
    "training_options": "test_train",
    "snnc/training": "toolchain/training/test_train",
    "training_steps": "test_training",
    "lif_torch": "test_lif_autograd",
    "phase": "test_spiking_network",
    "cifarnet": "test_models",
    "torch_neurons": "test_from_torch",
    "mlp": "test_models",
    "graph_options": "snnc/test_graph_start",
    "training_start": "models/test_checkpoint_start",
    "toolchain/training/outputs": "test_validation",
    "export/lava/stock": "test_runner",
    "device": "toolchain/simulate/test_tensor",
    "tables": "test_simulation",
    "snnc/verification/tables": "snnc/cli/test_main",
    "bench": "snnc/bench/test_simulation",
    "options": "test_main",
    **dict.fromkeys(("simulate", "demo", "versions"), "test_main"),
    "description": "export/onnx/test_file",
    "importing": "snnc/cli/test_import_graph",
    "summary": "test_inspect",
    "snnc/cli/plot": "test_inspect",
    "export/target": "test_targets",
    "export/limits": "test_targets",
    "entries": "test_foreign",
    "export/netx/violations": "export/test_targets",
    "export/netx/companions": "export/lava/test_run_model",
    "export/nir/violations": "export/test_targets",
    "export/onnx/violations": "export/test_targets",
    "dialects": "test_file",
    "rules": "test_importer",
    "flat": "test_interpreter",
    "graph": "test_file",
    "paths": "test_importer",
    **dict.fromkeys(("crops", "terminals", "recognized", "export/nir/folding"), "test_importer"),
    "neurons": "test_interpreter",
    "loops": "test_recurrence",
    "export/nir/runner": "test_file",
    "export/onnx/runner": "test_file",
    **dict.fromkeys(("nodes", "sums", "neurons"), "test_recurrence"),
    **dict.fromkeys(("bitsliced_layers", "bitsliced_fused"), "test_bitsliced"),
    **dict.fromkeys(("library", "sources"), "test_native"),
    "bench_profile": "snnc/bench/test_profile",
    **dict.fromkeys(("content", "difference", "junit", "snnc/report/activity", "snnc/report/run"), "test_write"),
    **dict.fromkeys(("again", "trust"), "whole/test_report_claims"),
    "violation": "test_chips",
    "models/architecture": "test_notation",
    "torch_layers": "test_from_torch_residual",
    "partition": "test_mapping",
    "witness": "test_overflow",
    "transposed": "test_activity",
    "toolchain/network/activity": "toolchain/simulate/test_activity",
    "check_tables": "test_check",
    "frames": "test_reference",
    **dict.fromkeys(("signals", "bitsliced_cycles"), "toolchain/simulate/test_recurrence"),
}


def test_every_source_has_a_test_file() -> None:
    for path in SOURCES:
        if path.stem == "__init__":
            continue
        named = COVERED_ELSEWHERE.get(name_of(path).removesuffix(".py")) or COVERED_ELSEWHERE.get(path.stem)
        folder = ROOT / "tests" / path.parent.relative_to(ROOT)
        places = [folder / f"{named or 'test_' + path.stem}.py", ROOT / "tests" / f"{named}.py"]
        assert any(place.is_file() for place in places), f"{name_of(path)} has no test"


def test_tests_lie_where_their_sources_do() -> None:
    kept_apart = {"support", "whole", "fuzz"}
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(ROOT / "tests")
        assert folder.parts[0] in kept_apart or (ROOT / folder).is_dir(), f"{name_of(path)} has no folder of sources"
