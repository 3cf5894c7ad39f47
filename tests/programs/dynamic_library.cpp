// A shared library as programs have them: code, data of its own, a variable per thread,
// a constructor and a destructor, an exception that leaves it.
#include <cstdio>
#include <stdexcept>
#include <string>

namespace {

thread_local int calls_of_this_thread = 40;

struct Announcer {
    explicit Announcer(const char* name) : name_{name} { std::printf("%s: constructed\n", name_.c_str()); }
    ~Announcer() { std::printf("%s: destroyed\n", name_.c_str()); }
    std::string name_;
};

Announcer announcer{LIBRARY_NAME};

}  // namespace

extern "C" {

int library_count() {
    return ++calls_of_this_thread;
}

const char* library_name() {
    return announcer.name_.c_str();
}

void library_throw(const char* what) {
    throw std::runtime_error{what};
}

}  // extern "C"
