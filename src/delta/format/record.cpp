#include "delta/format/record.h"

#include "delta/format/varint.h"

namespace strandline::delta {
namespace {

void append_offset(Bytes& out, std::uint64_t offset, std::uint64_t expected) {
    append_varint(out, zigzag(static_cast<std::int64_t>(offset - expected)));
}

// Modulo 2^64; whoever uses the range compares it with the size of the old file.
std::uint64_t read_offset(FieldReader& in, std::uint64_t expected) {
    return expected + static_cast<std::uint64_t>(unzigzag(in.varint()));
}

Error bad_record(const char* kind) {
    return fail(Errc::corrupt, std::string("delta has a malformed ") + kind + " record");
}

}  // namespace

void append_record(Bytes& out, RecordKind kind, ByteSpan head, ByteSpan middle, ByteSpan rest) {
    out.push_back(static_cast<std::byte>(kind));
    append_varint(out, head.size() + middle.size() + rest.size());
    for (const auto part : {head, middle, rest}) out.insert(out.end(), part.begin(), part.end());
}

void append_copy(Bytes& out, OldRange source, std::uint64_t expected) {
    Bytes body;
    append_offset(body, source.offset, expected);
    append_varint(body, source.length);
    append_record(out, RecordKind::copy, body);
}

void append_fill(Bytes& out, std::byte value, std::uint64_t length) {
    Bytes body{value};
    append_varint(body, length);
    append_record(out, RecordKind::fill, body);
}

void append_raw(Bytes& out, ByteSpan bytes) { append_record(out, RecordKind::raw, bytes); }

void append_coded(Bytes& out, const CodedRecord& record, std::uint64_t expected) {
    Bytes head{static_cast<std::byte>(record.coder)};
    append_varint(head, record.length);
    head.push_back(static_cast<std::byte>(record.view ? view_mark : record.windows.size()));
    if (record.view) append_view(head, *record.view, expected);
    for (const auto& window : record.windows) {
        append_offset(head, window.offset, expected);
        append_varint(head, window.length);
        expected = window.offset + window.length;
    }
    append_record(out, RecordKind::coded, head, record.payload);
}

Result<CopyRecord> parse_copy(ByteSpan body, std::uint64_t expected) {
    FieldReader in(body);
    CopyRecord record;
    record.source.offset = read_offset(in, expected);
    record.source.length = in.varint();
    if (!in.ok() || in.left() != 0 || record.source.length == 0) return bad_record("copy");
    return record;
}

Result<FillRecord> parse_fill(ByteSpan body) {
    FieldReader in(body);
    FillRecord record;
    record.value = static_cast<std::byte>(in.byte());
    record.length = in.varint();
    if (!in.ok() || in.left() != 0 || record.length == 0) return bad_record("fill");
    return record;
}

Result<CodedRecord> parse_coded(ByteSpan body, std::uint64_t expected) {
    FieldReader in(body);
    CodedRecord record;
    record.coder = in.byte();
    record.length = in.varint();
    const std::size_t count = in.byte();
    if (count > max_windows && count != view_mark) return bad_record("coded");
    if (count == view_mark) {
        TRY(record.view, parse_view(in, expected));
    } else {
        record.windows.resize(count);
    }
    for (auto& window : record.windows) {
        window.offset = read_offset(in, expected);
        window.length = in.varint();
        expected = window.offset + window.length;
    }
    record.payload = in.rest();
    if (!in.ok() || record.length == 0) return bad_record("coded");
    return record;
}

}  // namespace strandline::delta
