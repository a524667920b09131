// Speed and size of deltas of made-up updates, against zstd with the whole old file as prefix
// (what `zstd --patch-from` does). Counters: ratio = delta / new file; bytes per second are of the
// new file.
#include <benchmark/benchmark.h>
#include <bit>
#include <memory>
#include <zstd.h>

#include "delta/apply.h"
#include "delta/encode.h"
#include "delta/test/test_sample_data.h"

namespace strandline::delta {
namespace {

enum Update : std::int64_t { identical, moved, sparse, dense, unrelated };
constexpr const char* update_names[] = {"identical", "moved", "sparse 2 %", "dense fp32 1e-3",
                                        "unrelated fp32"};

constexpr std::size_t weight_count = 10u << 20;  // 40 MiB

struct Pair {
    Bytes old_file;
    Bytes new_file;
};

const Bytes& base_weights() {
    static const Bytes weights = float_weights(weight_count, 1);
    return weights;
}

Bytes updated(Update update) {
    const Bytes& base = base_weights();
    switch (update) {
        case identical:
            return base;
        case moved: {
            Bytes out(base.begin() + 4096, base.end());
            out.insert(out.end(), base.begin(), base.begin() + 4096);
            return out;
        }
        case sparse:
            return sparsely_changed(base, 50, 2);
        case dense:
            return fine_tuned(base, 1e-3, 3);
        case unrelated:
            return float_weights(weight_count, 4);
    }
    return {};
}

const Pair& pair_of(benchmark::State& state) {
    static Update made = identical;
    static auto pair = std::make_unique<Pair>(Pair{base_weights(), updated(identical)});
    const auto wanted = static_cast<Update>(state.range(0));
    if (wanted != made) pair->new_file = updated(wanted);
    made = wanted;
    state.SetLabel(update_names[wanted]);
    return *pair;
}

void report(benchmark::State& state, std::size_t new_size, std::size_t patch_size) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(new_size));
    state.counters["ratio"] = static_cast<double>(patch_size) / static_cast<double>(new_size);
}

void make(benchmark::State& state) {
    const Pair& pair = pair_of(state);
    std::size_t size = 0;
    for (auto _ : state) {
        MemoryWriter patch;
        const auto stats = make_delta(pair.old_file, pair.new_file, patch);
        if (!stats) return state.SkipWithError(stats.error().message.c_str());
        size = patch.bytes().size();
    }
    report(state, pair.new_file.size(), size);
}

class Discard final : public Sink {
public:
    Status write(ByteSpan bytes) override {
        benchmark::DoNotOptimize(bytes.data());
        return {};
    }
};

void apply(benchmark::State& state) {
    const Pair& pair = pair_of(state);
    MemoryWriter patch;
    if (!make_delta(pair.old_file, pair.new_file, patch))
        return state.SkipWithError("make_delta failed");
    const MemoryReader old_file(pair.old_file);
    for (auto _ : state) {
        Discard output;
        Applier applier(old_file, output);
        if (!applier.push(patch.bytes()) || !applier.finish())
            return state.SkipWithError("apply failed");
    }
    report(state, pair.new_file.size(), patch.bytes().size());
}

struct FreeZstd {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Bytes zstd_patch(const Pair& pair, int level) {
    const std::unique_ptr<ZSTD_CCtx, FreeZstd> context(ZSTD_createCCtx());
    const auto reach = std::bit_width(pair.old_file.size() + pair.new_file.size());
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, static_cast<int>(reach));
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_enableLongDistanceMatching, 1);
    ZSTD_CCtx_refPrefix(context.get(), pair.old_file.data(), pair.old_file.size());
    Bytes out(ZSTD_compressBound(pair.new_file.size()));
    const auto size = ZSTD_compress2(context.get(), out.data(), out.size(), pair.new_file.data(),
                                     pair.new_file.size());
    out.resize(ZSTD_isError(size) != 0 ? 0 : size);
    return out;
}

void make_zstd_patch_from(benchmark::State& state) {
    const Pair& pair = pair_of(state);
    std::size_t size = 0;
    for (auto _ : state) size = zstd_patch(pair, static_cast<int>(state.range(1))).size();
    report(state, pair.new_file.size(), size);
}

void apply_zstd_patch_from(benchmark::State& state) {
    const Pair& pair = pair_of(state);
    const Bytes patch = zstd_patch(pair, static_cast<int>(state.range(1)));
    const std::unique_ptr<ZSTD_DCtx, FreeZstd> context(ZSTD_createDCtx());
    Bytes out(pair.new_file.size());
    for (auto _ : state) {
        ZSTD_DCtx_refPrefix(context.get(), pair.old_file.data(), pair.old_file.size());
        const auto size =
            ZSTD_decompressDCtx(context.get(), out.data(), out.size(), patch.data(), patch.size());
        if (size != out.size()) return state.SkipWithError("decompression failed");
    }
    report(state, pair.new_file.size(), patch.size());
}

BENCHMARK(make)->DenseRange(identical, unrelated)->Unit(benchmark::kMillisecond);
BENCHMARK(apply)->DenseRange(identical, unrelated)->Unit(benchmark::kMillisecond);
BENCHMARK(make_zstd_patch_from)
    ->ArgsProduct({benchmark::CreateDenseRange(identical, unrelated, 1), {3}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(apply_zstd_patch_from)
    ->ArgsProduct({benchmark::CreateDenseRange(identical, unrelated, 1), {3}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace strandline::delta
