#pragma once

namespace strandline {

/// The deleter of a std::unique_ptr for what a C library frees by one function.
template <auto Function>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        Function(object);
    }
};

}  // namespace strandline
