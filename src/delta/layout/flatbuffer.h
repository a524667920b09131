#pragma once

#include <cstdint>

#include "delta/layout/reader.h"

namespace strandline::delta {

/// A table of a FlatBuffers file; a missing or impossible field reads as nothing.
/// https://flatbuffers.dev/internals/
class FlatTable {
public:
    FlatTable() = default;
    FlatTable(ByteSpan file, std::uint64_t at) : file_(file), at_(at) {}

    /// The table that the file's first word points to.
    [[nodiscard]] static FlatTable root(ByteSpan file) { return {file, Reader(file).u32()}; }

    template <std::unsigned_integral T>
    [[nodiscard]] T scalar(unsigned field, T otherwise = 0) const {
        const auto at = position(field);
        if (at == 0) return otherwise;
        Reader reader(file_, at);
        const auto value = reader.get<T>();
        return reader.ok() ? value : otherwise;
    }

    /// A table that a field points to; all of its fields are missing when there is none.
    [[nodiscard]] FlatTable table(unsigned field) const { return {file_, pointed(field)}; }

    /// The elements of a vector (or characters of a text) of `element_bytes` each.
    [[nodiscard]] ByteSpan vector(unsigned field, std::uint64_t element_bytes) const {
        const auto at = pointed(field);
        if (at == 0) return {};
        Reader reader(file_, at);
        const std::uint64_t count = reader.u32();
        return reader.take(count * element_bytes);
    }

    /// Entry `index` of a vector of tables that vector(field, 4) returned.
    [[nodiscard]] FlatTable entry(ByteSpan tables, std::uint64_t index) const {
        const auto slot = slice(tables, 4 * index, 4);
        if (slot.empty()) return {};
        return {file_, offset_in(file_, slot) + load_le<std::uint32_t>(slot)};
    }

private:
    /// Where a field's value stands; 0 when the table has none.
    [[nodiscard]] std::uint64_t position(unsigned field) const {
        if (at_ == 0) return 0;
        Reader reader(file_, at_);
        // A signed distance back to the table of fields.
        const auto distance = static_cast<std::int32_t>(reader.u32());
        const std::uint64_t fields = at_ - static_cast<std::uint64_t>(std::int64_t{distance});
        reader.seek(fields);
        const auto bytes = reader.u16();
        if (!reader.ok() || bytes < 4 + 2 * (field + 1)) return 0;
        reader.seek(fields + 4 + 2 * field);
        const auto inside = reader.u16();
        return reader.ok() && inside != 0 ? at_ + inside : 0;
    }

    [[nodiscard]] std::uint64_t pointed(unsigned field) const {
        const auto at = position(field);
        if (at == 0) return 0;
        Reader reader(file_, at);
        const auto distance = reader.u32();
        return reader.ok() && distance != 0 ? at + distance : 0;
    }

    ByteSpan file_;
    std::uint64_t at_ = 0;
};

}  // namespace strandline::delta
