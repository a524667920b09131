#include <utility>

#include "delta/layout/collector.h"
#include "delta/layout/hdf5_file.h"

namespace strandline::delta {
namespace {

// Types of header messages.
constexpr unsigned dataspace_message = 0x01;
constexpr unsigned link_info_message = 0x02;
constexpr unsigned datatype_message = 0x03;
constexpr unsigned link_message = 0x06;
constexpr unsigned layout_message = 0x08;
constexpr unsigned filter_message = 0x0b;
constexpr unsigned continuation_message = 0x10;
constexpr unsigned symbol_table_message = 0x11;

ElementType integer_type(std::uint32_t bytes, bool with_sign) {
    switch (bytes) {
        case 1:
            return with_sign ? ElementType::i8 : ElementType::u8;
        case 2:
            return ElementType::i16;
        case 4:
            return ElementType::i32;
        case 8:
            return ElementType::i64;
        default:
            return ElementType::opaque;
    }
}

ElementType float_type(std::uint32_t bytes, unsigned exponent_bits) {
    switch (bytes) {
        case 2:
            return exponent_bits == 8 ? ElementType::bf16 : ElementType::f16;
        case 4:
            return ElementType::f32;
        case 8:
            return ElementType::f64;
        default:
            return ElementType::opaque;
    }
}

struct Block {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
};

class ObjectReader {
public:
    ObjectReader(const Hdf5File& file, Hdf5Budget& budget) : file_(file), budget_(budget) {}

    Hdf5Object read(std::uint64_t header) {
        Reader reader = file_.at(header);
        if (starts_with(slice(file_.bytes, reader.at(), 4), "OHDR")) {
            read_new_header(reader);
        } else {
            read_old_header(reader);
        }
        return std::move(object_);
    }

private:
    void read_old_header(Reader reader) {
        if (reader.u8() != 1) return;
        reader.skip(7);
        const std::uint64_t bytes = reader.u32();
        reader.skip(4);
        blocks_.push_back({reader.at(), bytes});
        // Blocks are found while others are read.
        while (!blocks_.empty() && budget_.spend()) {
            const auto block = blocks_.back();
            blocks_.pop_back();
            Reader messages(slice(file_.bytes, block.address, block.bytes));
            while (messages.left() >= 8 && budget_.spend()) {
                const auto type = messages.u16();
                const auto size = messages.u16();
                messages.skip(4);
                message(type, messages.take(size));
                if (!messages.ok()) break;
            }
        }
    }

    void read_new_header(Reader reader) {
        reader.skip(5);
        const auto flags = reader.u8();
        reader.skip(((flags & 0x20) != 0 ? 16 : 0) + ((flags & 0x10) != 0 ? 4 : 0));
        const auto bytes = reader.sized(1U << (flags & 3));
        blocks_.push_back({reader.at(), bytes});
        bool first = true;
        while (!blocks_.empty() && budget_.spend()) {
            const auto block = blocks_.back();
            blocks_.pop_back();
            Reader messages(slice(file_.bytes, block.address, block.bytes));
            if (!std::exchange(first, false)) messages.skip(4);  // "OCHK"
            while (messages.ok() && messages.left() >= 4 && budget_.spend()) {
                const auto type = messages.u8();
                const auto size = messages.u16();
                messages.skip((flags & 4) != 0 ? 3 : 1);
                message(type, messages.take(size));
            }
        }
    }

    void message(unsigned type, ByteSpan bytes) {
        Reader reader(bytes);
        switch (type) {
            case dataspace_message:
                dataspace(reader);
                break;
            case datatype_message:
                datatype(reader);
                break;
            case link_message:
                link(reader);
                break;
            case layout_message:
                layout(reader);
                break;
            case link_info_message: {
                reader.skip(1);
                reader.skip((reader.u8() & 1) != 0 ? 8 : 0);
                object_.hidden_links = file_.address(reader) != hdf5_no_address;
                break;
            }
            case filter_message:
                object_.filtered = true;
                break;
            case continuation_message: {
                const auto address = file_.address(reader);
                const auto length = file_.length(reader);
                const auto at = file_.at(address);
                if (reader.ok() && at.ok() && blocks_.size() < max_tensors)
                    blocks_.push_back({at.at(), length});
                break;
            }
            case symbol_table_message:
                object_.group_tree = file_.address(reader);
                object_.group_heap = file_.address(reader);
                break;
            default:
                break;
        }
    }

    void dataspace(Reader& reader) {
        const auto version = reader.u8();
        const auto rank = reader.u8();
        reader.skip(version == 1 ? 6 : 2);
        if (rank > max_rank) return;
        object_.shape.clear();
        for (unsigned i = 0; i < rank; ++i) object_.shape.push_back(file_.length(reader));
    }

    void datatype(Reader& reader) {
        const unsigned kind = reader.u8() & 0x0f;
        const unsigned flags = reader.u8();
        reader.skip(2);
        const auto size = reader.u32();
        if ((flags & 1) != 0) return;  // big-endian
        if (kind == 0) {
            object_.type = integer_type(size, (flags & 8) != 0);
        } else if (kind == 1) {
            reader.skip(5);
            object_.type = float_type(size, reader.u8());
        }
    }

    void link(Reader& reader) {
        reader.skip(1);
        const auto flags = reader.u8();
        if ((flags & 8) != 0 && reader.u8() != 0) return;  // not a hard link
        reader.skip(((flags & 4) != 0 ? 8 : 0) + ((flags & 16) != 0 ? 1 : 0));
        const auto name = as_text(reader.take(reader.sized(1U << (flags & 3))));
        const auto header = file_.address(reader);
        // Blocks may be said to follow again and again.
        if (!reader.ok() || object_.links.size() >= max_tensors) return;
        object_.links.push_back({std::string(name.substr(0, max_name_bytes)), header});
    }

    void layout(Reader& reader) {
        const auto version = reader.u8();
        if (version == 1 || version == 2) {
            reader.skip(1);
            const auto kind = reader.u8();
            reader.skip(5);
            if (kind == 1) object_.data = file_.address(reader);
            return;
        }
        const auto kind = reader.u8();
        if (kind == 1) {
            object_.data = file_.address(reader);
        } else if (kind == 2 && version == 3) {
            const auto rank = reader.u8();
            object_.chunks = file_.address(reader);
            read_chunk_shape(reader, rank, 4);
        } else if (kind == 2 && version == 4) {
            const auto flags = reader.u8();
            const auto rank = reader.u8();
            read_chunk_shape(reader, rank, reader.u8());
            const auto index = reader.u8();
            // The only chunk; other indexes are left to statistics.
            if (index == 1 && (flags & 2) == 0) object_.data = file_.address(reader);
        }
    }

    /// One axis more than the dataset has: the last is the size of an element.
    void read_chunk_shape(Reader& reader, unsigned rank, unsigned width) {
        if (rank == 0 || rank > max_rank + 1 || width > 8) return reader.fail();
        object_.chunk_shape.clear();
        for (unsigned i = 0; i + 1 < rank; ++i) {
            object_.chunk_shape.push_back(reader.sized(width));
        }
        reader.skip(width);
    }

    const Hdf5File& file_;
    Hdf5Budget& budget_;
    Hdf5Object object_;
    std::vector<Block> blocks_;
};

}  // namespace

Hdf5Object read_hdf5_object(const Hdf5File& file, std::uint64_t header, Hdf5Budget& budget) {
    return ObjectReader(file, budget).read(header);
}

}  // namespace strandline::delta
