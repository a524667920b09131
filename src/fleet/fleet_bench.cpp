#include <benchmark/benchmark.h>
#include <filesystem>
#include <fmt/core.h>
#include <memory>
#include <stdexcept>

#include "base/ids.h"
#include "fleet/desired_store.h"
#include "fleet/device_store.h"
#include "fleet/fleet_service.h"
#include "fleet/join_token_store.h"
#include "registry/release_service.h"
#include "store/blob/blob_store.h"

// A fleet of ten thousand devices on SQLite. The named alternative for each figure is the target of
// the design: a page of devices in 50 ms, a deployment to everybody in a few seconds.
namespace strandline::fleet {
namespace {

constexpr int fleet_size = 10'000;

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

class Fleet {
public:
    Fleet() {
        std::filesystem::create_directories(folder_);
        store::DatabaseOptions options;
        options.url = "sqlite:" + (folder_ / "hub.db").string();
        database = must(store::Database::open(options, store::hub_migrations()));
        blobs = must(store::BlobStore::open(folder_));
        service =
            std::make_unique<FleetService>(*database, system_clock(), signer(trust::desired_type));
        for (const auto* version : {"1.0.0", "2.0.0"}) push(version);
        enrol_all();
    }
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;
    ~Fleet() {
        database.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    [[nodiscard]] DeploymentRequest order(const std::string& version) const {
        DeploymentRequest request;
        request.package = "face";
        request.version = version;
        request.to.kind = SelectorKind::all;
        return request;
    }
    [[nodiscard]] trust::Report report(int device, std::int64_t sequence) const {
        trust::Report out;
        out.device = fmt::format("cam-{:05}", device);
        out.boot = 1;
        out.sequence = sequence;
        trust::ReportedSlot slot;
        slot.slot = "face";
        slot.state = sequence % 2 == 0 ? "fetch" : "idle";
        slot.deployment = deployment;
        slot.active = trust::ReportedRelease{
            "face", "1.0.0", "default", manifest, {{"model.onnx", files_of_first}}};
        out.slots.push_back(std::move(slot));
        return out;
    }

    std::unique_ptr<store::Database> database;
    std::unique_ptr<store::BlobStore> blobs;
    std::unique_ptr<FleetService> service;
    std::string deployment;
    Sha256Digest manifest;
    Sha256Digest files_of_first;

private:
    [[nodiscard]] registry::Signer signer(std::string_view type) const {
        return [this, type](std::string payload) {
            return trust::sign_envelope(type, std::move(payload), key_);
        };
    }
    void push(const std::string& version) {
        registry::ReleaseService releases(*database, *blobs, system_clock(),
                                          signer(trust::manifest_type), {});
        registry::ReleaseRequest request;
        request.package = "face";
        request.version = version;
        const auto blob = must(blobs->put(as_bytes("weights of " + version)));
        request.files = {{"model.onnx", blob.digest, false}};
        const auto made = must(releases.create(request));
        if (version == "1.0.0") {
            manifest = made.release.manifest;
            files_of_first = blob.digest;
        }
    }
    void enrol_all() {
        JoinTokenStore tokens(*database, system_clock());
        JoinTokenRequest wanted;
        wanted.uses = fleet_size;
        wanted.labels = {{"site", "north"}, {"kind", "camera"}};
        const auto made = must(tokens.create(wanted, std::string(64, 'a')));
        EnrolRequest request;
        request.token = must(trust::Token::parse(made.text, trust::join_token_kind));
        const IssueCertificate issue = [](const std::string&) -> Result<trust::IssuedCertificate> {
            return trust::IssuedCertificate{"", make_id("c"),
                                            system_clock().wall() + std::chrono::days{90}};
        };
        for (int i = 0; i < fleet_size; ++i) {
            request.name = fmt::format("cam-{:05}", i);
            must(service->enrol(request, issue));
        }
        deployment = must(service->deploy(order("1.0.0"))).deployment.id;
        std::vector<trust::Report> reports;
        for (int i = 0; i < fleet_size; ++i) reports.push_back(report(i, 1));
        must(service->apply_reports(reports));
    }

    std::filesystem::path folder_ = std::filesystem::temp_directory_path() / make_id("fleet-bench");
    trust::SigningKey key_ = must(trust::SigningKey::generate());
};

Fleet& fleet() {
    static Fleet shared;
    return shared;
}

void list_page(benchmark::State& state) {
    DeviceStore devices(*fleet().database, system_clock());
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            must(devices.list({"", {{"site", "north"}}, true},
                              {static_cast<std::size_t>(state.range(0)), "cam-05000"})));
    }
}
BENCHMARK(list_page)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

void apply_reports(benchmark::State& state) {
    auto& hub = fleet();
    std::int64_t sequence = 1;
    for (auto _ : state) {
        state.PauseTiming();
        ++sequence;
        std::vector<trust::Report> reports;
        for (int i = 0; i < state.range(0); ++i) reports.push_back(hub.report(i, sequence));
        state.ResumeTiming();
        must(hub.service->apply_reports(reports));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(apply_reports)->Arg(1)->Arg(200)->Unit(benchmark::kMillisecond);

void may_read_blob(benchmark::State& state) {
    auto& hub = fleet();
    DesiredStore desired(*hub.database);
    for (auto _ : state) {
        benchmark::DoNotOptimize(must(desired.may_read_blob("cam-05000", hub.files_of_first)));
    }
}
BENCHMARK(may_read_blob)->Unit(benchmark::kMicrosecond);

void deploy_to_all(benchmark::State& state) {
    auto& hub = fleet();
    bool second = false;
    for (auto _ : state) {
        second = !second;
        must(hub.service->deploy(hub.order(second ? "2.0.0" : "1.0.0")));
    }
}
BENCHMARK(deploy_to_all)->Unit(benchmark::kMillisecond)->Iterations(5);

void roll_back_all(benchmark::State& state) {
    auto& hub = fleet();
    for (auto _ : state) {
        state.PauseTiming();
        const auto made = must(hub.service->deploy(hub.order("2.0.0")));
        state.ResumeTiming();
        must(hub.service->rollback(made.deployment.id, "bench"));
    }
}
BENCHMARK(roll_back_all)->Unit(benchmark::kMillisecond)->Iterations(3);

void cancel_all(benchmark::State& state) {
    auto& hub = fleet();
    for (auto _ : state) {
        state.PauseTiming();
        const auto made = must(hub.service->deploy(hub.order("2.0.0")));
        state.ResumeTiming();
        must(hub.service->cancel(made.deployment.id, "bench"));
    }
}
BENCHMARK(cancel_all)->Unit(benchmark::kMillisecond)->Iterations(3);

}  // namespace
}  // namespace strandline::fleet
