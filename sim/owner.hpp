// Owners of OpenSSL's objects.
#pragma once

#include <memory>

namespace enclavisor::sim {

template <auto free>
struct Freer {
    template <typename T>
    void operator()(T* object) const {
        free(object);
    }
};
template <typename T, auto free>
using Owner = std::unique_ptr<T, Freer<free>>;

}  // namespace enclavisor::sim
