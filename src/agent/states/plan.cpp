#include <algorithm>
#include <map>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <tuple>
#include <utility>

#include "agent/states/disk_need.h"
#include "agent/states/states.h"
#include "base/file.h"
#include "base/log.h"

namespace strandline::agent {
namespace {

boost::asio::awaitable<Result<trust::Envelope>> find_envelope(UpdateContext& context) {
    const auto& folder = context.services.state.releases();
    const auto local =
        read_text_file(folder / context.order.manifest.hex() / "envelope.json", 1U << 20);
    if (local) {
        auto envelope = trust::envelope_from_json(*local);
        if (envelope && envelope->digest() == context.order.manifest) co_return envelope;
    }
    co_return co_await context.services.hub.manifest(context.order.manifest);
}

/// Why a manifest whose signature does not hold is refused: one word for each case.
Step untrusted(const trust::Envelope& envelope, const Error& error) {
    return Step::refuse(envelope.signatures.empty() ? "unsigned" : "untrusted", error.message);
}

std::optional<Step> check_identity(const UpdateContext& context) {
    const auto& [order, manifest] = std::tie(context.order, context.manifest);
    if (manifest.package == order.package && manifest.version == order.version &&
        manifest.variant == order.variant) {
        return std::nullopt;
    }
    return Step::refuse("untrusted", "the manifest describes " + manifest.package + " " +
                                         manifest.version + ", the order names " + order.package +
                                         " " + order.version);
}

std::optional<Step> check_requirements(const trust::Manifest& manifest) {
    const auto& needs = manifest.requirements;
    utsname machine{};
    ::uname(&machine);
    const std::string arch = machine.machine;
    if (!needs.arch.empty() &&
        std::find(needs.arch.begin(), needs.arch.end(), arch) == needs.arch.end()) {
        return Step::refuse("unsupported", "the release is not made for " + arch);
    }
    struct sysinfo memory {};
    ::sysinfo(&memory);
    const auto total = std::uint64_t{memory.totalram} * memory.mem_unit;
    if (needs.ram_bytes > total) {
        return Step::refuse("unsupported", "the release needs " + std::to_string(needs.ram_bytes) +
                                               " bytes of memory, this device has " +
                                               std::to_string(total));
    }
    if (!needs.accelerator.empty()) {
        return Step::refuse("unsupported",
                            "the release needs the accelerator " + needs.accelerator);
    }
    if (manifest.kind == trust::RuntimeKind::container) {
        return Step::refuse("unsupported", "this agent cannot run containers");
    }
    return std::nullopt;
}

/// The file a delta would best start from: the same path in what is or was active, else the entry
/// of it for the entry.
std::optional<Sha256Digest> find_base(const Slot& slot, const trust::Manifest& manifest,
                                      const trust::ManifestFile& file) {
    for (const auto* release : {&slot.active, &slot.previous}) {
        if (!*release) continue;
        if (const auto* same = (*release)->manifest.find_file(file.path)) return same->sha256;
    }
    for (const auto* release : {&slot.active, &slot.previous}) {
        if (!*release || file.path != manifest.entry) continue;
        if (const auto* entry = (*release)->manifest.find_file((*release)->manifest.entry))
            return entry->sha256;
    }
    return std::nullopt;
}

using Missing = std::vector<MissingFile>;

/// Which files are to come. A blob that is there is believed only after its bytes were hashed.
Result<Missing> find_missing(store::BlobStore& blobs, Missing wanted) {
    Missing missing;
    for (auto& item : wanted) {
        if (blobs.contains(item.file.sha256)) {
            if (blobs.verify(item.file.sha256)) continue;
            log_error("blob damaged sha256={}", item.file.sha256.hex());
            TRY(blobs.remove(item.file.sha256));
        }
        if (item.base && !blobs.verify(*item.base)) item.base.reset();
        missing.push_back(std::move(item));
    }
    return missing;
}

std::uint64_t missing_bytes(const Missing& missing) {
    std::uint64_t total = 0;
    for (const auto& item : missing) total += item.file.size;
    return total;
}

Status check_disk(ReleaseStore& releases, const std::filesystem::path& root, std::uint64_t needed,
                  const std::set<Sha256Digest>& keep,
                  const std::optional<std::set<Sha256Digest>>& keep_blobs) {
    TRY(auto free, free_disk_bytes(root));
    if (free >= needed) return {};
    if (!keep_blobs) {
        return fail(Errc::unavailable,
                    "there may be room once it is known what another slot's update needs");
    }
    TRY(releases.collect(keep, *keep_blobs));
    TRY(free, free_disk_bytes(root));
    if (free >= needed) return {};
    return fail(Errc::exhausted, "the update needs " + std::to_string(needed) +
                                     " bytes on disk and " + std::to_string(free) + " are free");
}

boost::asio::awaitable<std::optional<Step>> preflight(UpdateContext& context) {
    auto keep = context.services.needed_releases();
    auto keep_blobs = context.services.needed_blobs();
    auto* releases = &context.services.releases;
    const auto root = context.services.state.root();
    const auto needed =
        disk_needed(context.missing, context.manifest, context.services.state.partials());
    std::function<Status()> work = [releases, root, needed, keep = std::move(keep),
                                    keep_blobs = std::move(keep_blobs)] {
        return check_disk(*releases, root, needed, keep, keep_blobs);
    };
    const auto enough = co_await context.services.runtime.offload(std::move(work));
    if (!enough) co_return Step::disk(enough.error());
    co_return std::nullopt;
}

/// The release's files, each content once: the same bytes may have several names in it.
Missing list_files(const UpdateContext& context) {
    const auto& refused = context.slot.disk.journal.no_delta;
    const auto may_use_delta = [&refused](const MissingFile& item) {
        return std::find(refused.begin(), refused.end(), item.file.path) == refused.end();
    };
    Missing wanted;
    std::map<Sha256Digest, std::size_t> places;
    for (const auto& file : context.manifest.files) {
        const auto [place, is_new] = places.try_emplace(file.sha256, wanted.size());
        if (is_new) wanted.emplace_back().file = file;
        auto& item = wanted[place->second];
        if (!item.base && may_use_delta(item))
            item.base = find_base(context.slot, context.manifest, file);
    }
    return wanted;
}

boost::asio::awaitable<std::optional<Step>> look_for_files(UpdateContext& context) {
    auto wanted = list_files(context);
    auto* blobs = &context.services.releases.blobs();
    std::function<Result<Missing>()> work = [blobs, wanted = std::move(wanted)]() mutable {
        return find_missing(*blobs, std::move(wanted));
    };
    auto missing = co_await context.services.runtime.offload(std::move(work));
    if (!missing) co_return Step::disk(missing.error());
    context.missing = std::move(*missing);
    co_return std::nullopt;
}

/// The signed manifest, judged: from disk or from the hub.
boost::asio::awaitable<std::optional<Step>> read_manifest(UpdateContext& context) {
    auto envelope = co_await find_envelope(context);
    if (!envelope && envelope.error().code == Errc::not_found) {
        co_return Step::refuse("not_found",
                               "the hub does not have the manifest: " + envelope.error().message);
    }
    if (!envelope) co_return Step::retry(envelope.error());
    if (envelope->digest() != context.order.manifest) {
        co_return Step::refuse("corrupt",
                               "the manifest does not have the hash that the order names");
    }
    const auto payload =
        co_await context.services.keys.verify(*envelope, std::string(trust::manifest_type));
    if (!payload && payload.error().code == Errc::unauthenticated)
        co_return untrusted(*envelope, payload.error());
    if (!payload) co_return Step::retry(payload.error());
    auto manifest = trust::manifest_from_json(*payload);
    if (!manifest) co_return Step::refuse("corrupt", manifest.error().message);
    context.envelope = std::move(*envelope);
    context.manifest = std::move(*manifest);
    auto& blobs = context.slot.order_blobs.emplace();
    for (const auto& file : context.manifest.files) blobs.insert(file.sha256);
    co_return check_identity(context);
}

}  // namespace

boost::asio::awaitable<Step> plan(UpdateContext& context) {
    if (auto stop = co_await read_manifest(context)) co_return *stop;
    if (auto stop = check_requirements(context.manifest)) co_return *stop;
    if (auto stop = co_await look_for_files(context)) co_return *stop;
    if (auto stop = co_await preflight(context)) co_return *stop;
    context.expected_bytes = missing_bytes(context.missing);
    context.progress_bytes = 0;
    auto& totals = context.journal().totals;
    // Files that are here cost nothing either way; a plan after a restart sees only what is left.
    totals.bytes_full = std::max(totals.bytes_full, context.expected_bytes);
    // What an earlier try fetched for this order is here too, but was not reused.
    const auto here = context.manifest.files.size() - context.missing.size();
    totals.reused = here - std::min<std::uint64_t>(here, totals.deltas + totals.fulls);
    context.changed_active = context.slot.disk.pointer.active != context.order.manifest;
    log_info("update planned slot={} package={} version={} missing={} bytes={}", context.slot.name,
             context.order.package, context.order.version, context.missing.size(),
             context.expected_bytes);
    co_return Step::go(context.missing.empty() ? UpdateState::assemble : UpdateState::fetch);
}

}  // namespace strandline::agent
