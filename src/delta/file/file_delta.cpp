#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <unistd.h>

#include "delta/file/mapped_file.h"
#include "delta/files.h"

namespace strandline::delta {
namespace {

// Little beside what a delta declares, even the smallest.
constexpr std::size_t read_bytes = std::size_t{32} << 10;

// An output is emptied before it is written: none of the inputs can be it.
Status check_output(const std::filesystem::path& output,
                    std::initializer_list<std::filesystem::path> inputs) {
    std::error_code missing;
    for (const auto& input : inputs) {
        if (std::filesystem::equivalent(input, output, missing))
            return fail(Errc::invalid, "this file cannot be the output, too: " + output.string());
    }
    return {};
}

Result<EncodeStats> encode_into(ByteSpan old_bytes, ByteSpan new_bytes, FileWriter& out,
                                const EncodeOptions& options) {
    TRY(const auto stats, make_delta(old_bytes, new_bytes, out, options));
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
                           const std::filesystem::path& new_file, FileWriter& output,
                           const ApplyOptions& options, Partial partial) {
    TRY(const auto info, read_info(patch));
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
    TRY(const auto old_map, MappedFile::open(old_file));
    TRY(const auto new_map, MappedFile::open(new_file));
    TRY(check_output(patch, {old_file, new_file}));
    TRY(auto out, FileWriter::open(patch));
    auto stats = encode_into(old_map.bytes(), new_map.bytes(), out, options);
    if (!stats) ::unlink(patch.c_str());
    return stats;
}

Result<DeltaInfo> apply_delta(const std::filesystem::path& old_file,
                              const std::filesystem::path& patch,
                              const std::filesystem::path& new_file, const ApplyOptions& options,
                              Partial partial) {
    TRY(const auto old_reader, FileReader::open(old_file));
    TRY(const auto patch_reader, FileReader::open(patch));
    TRY(check_output(new_file, {old_file, patch}));
    TRY(auto output, FileWriter::open(new_file, partial == Partial::resume ? UINT64_MAX : 0));
    auto info = apply_to(old_reader, patch_reader, new_file, output, options, partial);
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
