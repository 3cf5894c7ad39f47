// A doubly linked list through its elements, which know whether they are in
// one: an element belongs to at most one list.
#pragma once

namespace enclavisor::base {

template <typename T>
struct ListLink {
    T* next = nullptr;
    T* previous = nullptr;
    bool linked = false;
};

template <typename T, ListLink<T> T::*link>
class List {
public:
    bool empty() const { return first_ == nullptr; }
    T* first() const { return first_; }
    T* last() const { return last_; }
    static T* next(const T* element) { return (element->*link).next; }
    static T* previous(const T* element) { return (element->*link).previous; }

    void push_back(T* element) { insert(element, last_, nullptr); }
    void push_front(T* element) { insert(element, nullptr, first_); }
    // `before` null: at the front.
    void insert_after(T* before, T* element) { insert(element, before, before ? next(before) : first_); }

    void remove(T* element) {
        ListLink<T>& l = element->*link;
        (l.previous ? (l.previous->*link).next : first_) = l.next;
        (l.next ? (l.next->*link).previous : last_) = l.previous;
        l = {};
    }
    T* pop_front() {
        T* element = first_;
        if (element != nullptr) remove(element);
        return element;
    }

private:
    void insert(T* element, T* before, T* after) {
        element->*link = {after, before, true};
        (before ? (before->*link).next : first_) = element;
        (after ? (after->*link).previous : last_) = element;
    }
    T* first_ = nullptr;
    T* last_ = nullptr;
};

}  // namespace enclavisor::base
