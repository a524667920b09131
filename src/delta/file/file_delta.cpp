#include <algorithm>
#include <filesystem>
#include <unistd.h>

#include "delta/file/mapped_file.h"
#include "delta/files.h"

namespace strandline::delta {
namespace {

// Little beside what a delta declares, even the smallest.
constexpr std::size_t read_bytes = std::size_t{32} << 10;

Result<EncodeStats> encode_into(const std::filesystem::path& old_file,
                                const std::filesystem::path& new_file,
                                const std::filesystem::path& patch, const EncodeOptions& options) {
    TRY(const auto old_map, MappedFile::open(old_file));
    TRY(const auto new_map, MappedFile::open(new_file));
    TRY(auto out, FileWriter::open(patch));
    TRY(const auto stats, make_delta(old_map.bytes(), new_map.bytes(), out, options));
    TRY(out.sync());
    return stats;
}

// The applier hashes what it writes; nobody wants to keep it.
class Nowhere final : public Sink {
public:
    Status write(ByteSpan /*bytes*/) override { return {}; }
};

Status push_rest(const ReadAt& patch, std::uint64_t offset, Applier& applier) {
    Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(read_bytes, patch.size())));
    while (offset < patch.size()) {
        const auto piece = std::span(buffer).first(static_cast<std::size_t>(
            std::min<std::uint64_t>(buffer.size(), patch.size() - offset)));
        TRY(patch.read_at(offset, piece));
        TRY(applier.push(piece));
        offset += piece.size();
    }
    return {};
}

// Makes `applier` continue behind the intact part of an earlier try, if there is one.
Result<ApplyProgress> continue_earlier(const DeltaInfo& info, const ReadAt& patch,
                                       const std::filesystem::path& new_file,
                                       std::uint64_t max_memory, Applier& applier) {
    if (patch.size() < info.prologue_bytes())
        return fail(Errc::corrupt, "delta ends within its index");
    if (info.decoder_memory > max_memory)
        return fail(Errc::exhausted, "delta needs more memory than the limit");
    TRY(const auto written, FileReader::open(new_file));
    Bytes prologue(static_cast<std::size_t>(info.prologue_bytes()));
    TRY(patch.read_at(0, prologue));
    return applier.resume(prologue, written);
}

Result<DeltaInfo> apply_to(const ReadAt& old_file, const ReadAt& patch,
                           const std::filesystem::path& new_file, const ApplyOptions& options,
                           Partial partial) {
    TRY(const auto info, read_info(patch));
    TRY(auto output, FileWriter::open(new_file, partial == Partial::resume ? UINT64_MAX : 0));
    Applier applier(old_file, output, options);
    ApplyProgress start;
    if (partial == Partial::resume) {
        TRY(start,
            continue_earlier(info, patch, new_file, options.limits.max_memory_bytes, applier));
        TRY(output.rewind(start.output_offset));
    }
    TRY(push_rest(patch, start.patch_offset, applier));
    TRY(applier.finish());
    TRY(output.sync());
    return *applier.info();
}

}  // namespace

Result<EncodeStats> make_delta_file(const std::filesystem::path& old_file,
                                    const std::filesystem::path& new_file,
                                    const std::filesystem::path& patch,
                                    const EncodeOptions& options) {
    auto stats = encode_into(old_file, new_file, patch, options);
    if (!stats) ::unlink(patch.c_str());
    return stats;
}

Result<DeltaInfo> apply_delta(const std::filesystem::path& old_file,
                              const std::filesystem::path& patch,
                              const std::filesystem::path& new_file, const ApplyOptions& options,
                              Partial partial) {
    TRY(const auto old_reader, FileReader::open(old_file));
    TRY(const auto patch_reader, FileReader::open(patch));
    std::error_code missing;
    if (std::filesystem::equivalent(old_file, new_file, missing)) {
        return fail(Errc::invalid, "the old file cannot be the output: " + new_file.string());
    }
    auto info = apply_to(old_reader, patch_reader, new_file, options, partial);
    if (!info && partial == Partial::discard) ::unlink(new_file.c_str());
    return info;
}

Result<DeltaInfo> verify_delta(const std::filesystem::path& old_file,
                               const std::filesystem::path& patch, const ApplyOptions& options) {
    TRY(const auto old_reader, FileReader::open(old_file));
    TRY(const auto patch_reader, FileReader::open(patch));
    Nowhere output;
    Applier applier(old_reader, output, options);
    TRY(push_rest(patch_reader, 0, applier));
    TRY(applier.finish());
    return *applier.info();
}

Result<DeltaInfo> read_info_file(const std::filesystem::path& patch) {
    TRY(const auto reader, FileReader::open(patch));
    return read_info(reader);
}

}  // namespace strandline::delta
