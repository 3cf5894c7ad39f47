// Counted reference to an object that counts its own references. Only used under
// the runtime's lock.
#pragma once

#include <cstdint>
#include <utility>

namespace enclavisor::runtime {

class Counted {
public:
    Counted() = default;
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    virtual ~Counted() = default;

protected:
    // The last reference is gone.
    virtual void dispose() { delete this; }

private:
    template <typename T>
    friend class Ref;  // the only user of the count
    std::uint32_t references_ = 0;
};

template <typename T>
class Ref {
public:
    Ref() = default;
    explicit Ref(T* object) : object_{object} { hold(); }
    Ref(const Ref& other) : object_{other.object_} { hold(); }
    Ref(Ref&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
    template <typename U>
    Ref(const Ref<U>& other) : object_{other.get()} {
        hold();
    }
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_ != nullptr && --object_->Counted::references_ == 0)
            static_cast<Counted*>(object_)->dispose();
    }

    T* get() const { return object_; }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }

private:
    void hold() {
        if (object_ != nullptr) object_->Counted::references_++;
    }

    T* object_ = nullptr;
};

template <typename T, typename... Arguments>
Ref<T> make_ref(Arguments&&... arguments) {
    return Ref<T>{new T(std::forward<Arguments>(arguments)...)};
}

}  // namespace enclavisor::runtime
