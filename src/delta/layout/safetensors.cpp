#include <algorithm>
#include <array>
#include <optional>

#include "delta/layout/containers.h"
#include "delta/layout/json_scanner.h"
#include "delta/layout/reader.h"

// 8 bytes length of the header, the header (a JSON object: name -> dtype, shape, data_offsets), the
// data. https://github.com/huggingface/safetensors#format
namespace strandline::delta {
namespace {

struct TypeName {
    std::string_view name;
    ElementType type;
};
constexpr std::array type_names{
    TypeName{"F64", ElementType::f64}, TypeName{"F32", ElementType::f32},
    TypeName{"F16", ElementType::f16}, TypeName{"BF16", ElementType::bf16},
    TypeName{"I64", ElementType::i64}, TypeName{"U64", ElementType::i64},
    TypeName{"I32", ElementType::i32}, TypeName{"U32", ElementType::i32},
    TypeName{"I16", ElementType::i16}, TypeName{"U16", ElementType::i16},
    TypeName{"I8", ElementType::i8},   TypeName{"U8", ElementType::u8},
    TypeName{"BOOL", ElementType::u8},
};

ElementType type_named(std::string_view name) {
    const auto found = std::ranges::find(type_names, name, &TypeName::name);
    return found == type_names.end() ? ElementType::opaque : found->type;
}

std::vector<std::uint64_t> numbers(JsonScanner& json) {
    std::vector<std::uint64_t> result;
    json.expect('[');
    if (json.accept(']')) return result;
    do {
        const auto number = json.number();
        if (result.size() <= max_rank) result.push_back(number);
    } while (json.accept(','));
    json.expect(']');
    return result;
}

/// One value of the header's object. Nothing when it describes no tensor.
std::optional<Collector::Claim> read_entry(JsonScanner& json, std::uint64_t data) {
    Collector::Claim claim;
    std::vector<std::uint64_t> range;
    json.expect('{');
    if (json.accept('}')) return std::nullopt;
    do {
        const auto key = json.string();
        json.expect(':');
        if (key == "dtype") {
            claim.type = type_named(json.string());
        } else if (key == "shape") {
            claim.shape = numbers(json);
        } else if (key == "data_offsets") {
            range = numbers(json);
        } else {
            json.skip_value();
        }
    } while (json.accept(','));
    json.expect('}');
    if (range.size() != 2 || range[0] >= range[1] || range[0] > UINT64_MAX - data) {
        return std::nullopt;
    }
    claim.offset = data + range[0];
    claim.bytes = range[1] - range[0];
    return claim;
}

}  // namespace

bool read_safetensors(ByteSpan file, Collector& tensors) {
    Reader reader(file);
    const auto length = reader.u64();
    const auto header = as_text(reader.take(length));
    if (!reader.ok() || !header.starts_with('{')) return false;
    JsonScanner json(header);
    json.expect('{');
    do {
        const auto name = json.string();
        json.expect(':');
        if (name == "__metadata__") {
            json.skip_value();
            continue;
        }
        auto claim = read_entry(json, reader.at());
        if (!json.ok() || tensors.full()) break;
        if (!claim) continue;
        claim->name = name;
        tensors.add(std::move(*claim));
    } while (json.accept(','));
    return true;
}

}  // namespace strandline::delta
