#include "delta/layout/pickle.h"

namespace strandline::delta {
namespace {

// Far above the largest checkpoints that are known; they bound the memory of hostile ones.
constexpr std::size_t max_stack = 1 << 18;
constexpr std::size_t max_memo = 1 << 20;
constexpr std::size_t max_pool = 1 << 21;
constexpr std::size_t max_texts = 1 << 18;

}  // namespace

bool PickleReader::run() {
    stack_.clear();
    marks_.clear();
    memo_.clear();
    pool_.clear();
    while (reader_.ok() && reader_.left() > 0) {
        const auto opcode = reader_.u8();
        if (opcode == '.') return true;
        if (!step(opcode) || stack_.size() > max_stack || pool_.size() > max_pool) return false;
    }
    return false;
}

bool PickleReader::step(std::uint8_t opcode) {
    return step_number(opcode) || step_text(opcode) || step_memo(opcode) || step_stack(opcode) ||
           step_object(opcode);
}

bool PickleReader::step_number(std::uint8_t opcode) {
    switch (opcode) {
        case 'J':
            push({Kind::integer, reader_.u32(), 0});
            return true;
        case 'K':
            push({Kind::integer, reader_.u8(), 0});
            return true;
        case 'M':
            push({Kind::integer, reader_.u16(), 0});
            return true;
        case 0x8a: {  // LONG1
            const auto length = reader_.u8();
            if (length > 8) {
                reader_.skip(length);
                push({});
            } else {
                push({Kind::integer, reader_.sized(length), 0});
            }
            return true;
        }
        case 0x8b:  // LONG4
        case 'B':   // BINBYTES
            reader_.skip(reader_.u32());
            push({});
            return true;
        case 'C':
            reader_.skip(reader_.u8());
            push({});
            return true;
        case 0x8e:  // BINBYTES8
        case 0x96:  // BYTEARRAY8
            reader_.skip(reader_.u64());
            push({});
            return true;
        case 'G':
            reader_.skip(8);
            push({});
            return true;
        case 'F':
        case 'I':
        case 'L':
            line();
            push({});
            return true;
        case 'N':
        case 0x88:  // true
        case 0x89:  // false
            push({});
            return true;
        default:
            return false;
    }
}

bool PickleReader::step_text(std::uint8_t opcode) {
    switch (opcode) {
        case 'X':
        case 'T':
            push_text(reader_.take(reader_.u32()));
            return true;
        case 'U':
        case 0x8c:
            push_text(reader_.take(reader_.u8()));
            return true;
        case 0x8d:
            push_text(reader_.take(reader_.u64()));
            return true;
        case 'V':
        case 'S':
            push_text(line());
            return true;
        case 'c': {
            const auto begin = reader_.at();
            line();
            const auto name = line();
            if (reader_.ok()) {
                push({Kind::global, begin, offset_in(bytes_, name) + name.size() - begin});
            }
            return true;
        }
        case 0x93: {  // STACK_GLOBAL: the class is enough
            const auto name = pop();
            pop();
            push({Kind::global, name.first, name.kind == Kind::text ? name.count : 0});
            return true;
        }
        default:
            return false;
    }
}

bool PickleReader::step_memo(std::uint8_t opcode) {
    switch (opcode) {
        case 'q':
            remember(reader_.u8());
            return true;
        case 'r':
            remember(reader_.u32());
            return true;
        case 0x94:
            remember(memo_.size());
            return true;
        case 'h':
            recall(reader_.u8());
            return true;
        case 'j':
            recall(reader_.u32());
            return true;
        default:
            return false;
    }
}

bool PickleReader::step_stack(std::uint8_t opcode) {
    switch (opcode) {
        case 0x80:  // PROTO
            reader_.skip(1);
            return true;
        case 0x95:  // FRAME
            reader_.skip(8);
            return true;
        case '(':
            if (marks_.size() > max_stack) return false;
            marks_.push_back(stack_.size());
            return true;
        case '0':
            pop();
            return true;
        case '1':
            pop_to_mark();
            return true;
        case '2':
            if (stack_.empty()) return false;
            push(Value(stack_.back()));
            return true;
        case ')':
            push({Kind::tuple, pool_.size(), 0});
            return true;
        case 't':
            push_tuple(marks_.empty() ? 0 : marks_.back());
            return true;
        case 0x85:
        case 0x86:
        case 0x87: {  // tuples of 1 to 3
            const std::size_t count = opcode - 0x84U;
            if (stack_.size() - (marks_.empty() ? 0 : marks_.back()) < count) return false;
            marks_.push_back(stack_.size() - count);
            push_tuple(stack_.size() - count);
            return true;
        }
        default:
            return false;
    }
}

bool PickleReader::step_object(std::uint8_t opcode) {
    switch (opcode) {
        case 'Q': {  // BINPERSID
            auto id = pop();
            if (id.kind == Kind::tuple) id.kind = Kind::storage;
            push(id);
            return true;
        }
        case '}':
        case ']':
        case 0x8f:
            push({Kind::open, 0, 0});
            return true;
        case 'l':
        case 'd':
        case 'o':
        case 0x91:
            pop_to_mark();
            push({});
            return true;
        case 's':
            pop();
            [[fallthrough]];
        case 'a':
        case 'b':
            pop();
            filled();
            return true;
        case 'e':
        case 'u':
        case 0x90:
            pop_to_mark();
            filled();
            return true;
        case 0x92:  // NEWOBJ_EX: one argument more
            pop();
            [[fallthrough]];
        case 'R':
        case 0x81:
            call();
            return true;
        default:
            return false;
    }
}

void PickleReader::push(Value value) { stack_.push_back(value); }

PickleReader::Value PickleReader::pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) {
        reader_.fail();
        return {};
    }
    const auto value = stack_.back();
    stack_.pop_back();
    return value;
}

void PickleReader::pop_to_mark() {
    if (marks_.empty()) return reader_.fail();
    stack_.resize(marks_.back());
    marks_.pop_back();
}

void PickleReader::filled() {
    if (!stack_.empty() && stack_.back().kind == Kind::open) stack_.back().kind = Kind::other;
}

void PickleReader::push_text(ByteSpan bytes) {
    if (!reader_.ok()) return;
    if (texts_.size() < max_texts) texts_.push_back(as_text(bytes));
    // Of nothing, too, the place must be inside the file.
    const auto at = bytes.empty() ? 0 : offset_in(bytes_, bytes);
    push({Kind::text, at, bytes.size()});
}

void PickleReader::push_tuple(std::size_t begin) {
    if (marks_.empty()) return reader_.fail();
    const Value tuple{Kind::tuple, pool_.size(), stack_.size() - begin};
    pool_.insert(pool_.end(), stack_.begin() + static_cast<std::ptrdiff_t>(begin), stack_.end());
    pop_to_mark();
    push(tuple);
}

void PickleReader::remember(std::uint64_t slot) {
    if (stack_.empty() || slot >= bytes_.size() || slot >= max_memo) return reader_.fail();
    if (slot >= memo_.size()) memo_.resize(static_cast<std::size_t>(slot) + 1);
    memo_[static_cast<std::size_t>(slot)] = stack_.back();
}

void PickleReader::recall(std::uint64_t slot) {
    if (slot >= memo_.size()) return reader_.fail();
    push(memo_[static_cast<std::size_t>(slot)]);
}

ByteSpan PickleReader::line() {
    const auto text = as_text(rest());
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
        reader_.fail();
        return {};
    }
    const auto result = reader_.take(end);
    reader_.skip(1);
    return result;
}

}  // namespace strandline::delta
