#pragma once

#include <cstdlib>
#include <string>

#include "base/file.h"
#include "trust/desired_state.h"
#include "trust/keys.h"
#include "trust/manifest.h"
#include "trust/report.h"

// For tests only: one filled-in document of each kind, and a fixed key.
namespace strandline::trust::test {

/// Secret key of RFC 8032 section 7.1, test 2: known to everybody, so that golden files stay put.
inline SigningKey fixed_key() {
    const Bytes pkcs8 = *from_hex(
        "302e020100300506032b657004220420"
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    return *SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\n" + to_base64(pkcs8) +
                                 "\n-----END PRIVATE KEY-----\n");
}

inline Manifest sample_manifest() {
    Manifest manifest;
    manifest.package = "leaf-disease";
    manifest.version = "1.2.0-rc.1+b7";
    manifest.variant = "int8-arm64";
    manifest.entry = "models/leaf.onnx";
    manifest.files = {{"models/leaf.onnx", 1'234'567, sha256("model"), false},
                      {"bin/run", 99, sha256("run"), true},
                      {"golden.json", 0, sha256(""), false}};
    manifest.arguments = {"--threads", "2", "größe"};
    manifest.requirements = {{"aarch64", "x86_64"}, 64 << 20, 1 << 20, "npu", 17};
    manifest.golden = GoldenSpec{"golden.json", 0.5, 0.25};
    manifest.labels = {{"crop", "soy bean"}, {"lens", "wide"}};
    return manifest;
}

inline DesiredState sample_desired() {
    DesiredState state;
    state.device = "field-7";
    state.generation = 42;
    state.issued = "2026-11-21T12:00:00.000Z";
    state.spread = std::chrono::minutes(5);
    DesiredSlot slot;
    slot.slot = "leaf";
    slot.package = "leaf-disease";
    slot.version = "1.2.0";
    slot.variant = "default";
    slot.manifest = sha256("manifest");
    slot.deployment = "dep-1";
    slot.soak = {std::chrono::seconds(30), 0.125, std::chrono::milliseconds(250)};
    slot.self_test = {std::chrono::seconds(60), 256 << 20};
    slot.allow_full = false;
    state.slots = {slot};
    return state;
}

inline Report sample_report() {
    ReportedRelease release{
        "leaf-disease", "1.2.0", "default", sha256("manifest"), {{"model.onnx", sha256("model")}}};
    ReportedSlot slot;
    slot.slot = "leaf";
    slot.state = "idle";
    slot.deployment = "dep-1";
    slot.active = release;
    slot.target = sha256("next");
    slot.serving = true;
    slot.self_test = "passed";
    slot.progress = 0.5;
    slot.uptime_ms = 12'345;
    slot.inferences = 1000;
    slot.inference_errors = 1;
    slot.last_update = {1'000'000, 20'000, 1, 0, 2, 1, 850};
    slot.error = ReportedError{"self_test", "wrong_answer", "output 3 differs by 0.4"};
    slot.refused = sha256("refused");
    Report report;
    report.device = "field-7";
    report.boot = 3;
    report.sequence = 17;
    report.generation = 42;
    report.agent_version = "0.1.0";
    report.slots = {slot};
    report.resources = {"aarch64", 4,       12.5,
                        1 << 30,   1 << 29, std::uint64_t{1} << 35,
                        1 << 30,   51.5,    "onnxruntime 1.20.0"};
    return report;
}

/// A golden file. With STRANDLINE_UPDATE_GOLDEN set, it is first written anew.
inline std::string golden(const std::string& name, const std::string& actual) {
    const std::filesystem::path path =
        std::filesystem::path(STRANDLINE_SOURCE_DIR) / "src/trust/testdata" / name;
    if (std::getenv("STRANDLINE_UPDATE_GOLDEN") != nullptr) {
        ignore(write_file_atomically(path, as_bytes(actual + "\n"), 0644), "the comparison tells");
    }
    auto text = read_text_file(path, 1 << 20).value_or("missing: " + path.string());
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace strandline::trust::test
