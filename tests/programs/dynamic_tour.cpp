// What only a dynamic program does: a library it is linked with, one that it loads and
// unloads, exceptions across both, and what it can see of all this.
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

extern "C" int library_count();
extern "C" const char* library_name();
extern "C" void library_throw(const char* what);

namespace {

std::string folder_of(const char* program) {
    const std::string path = program;
    return path.substr(0, path.rfind('/'));
}

void linked_library() {
    std::printf("linked: %s, counts %d %d\n", library_name(), library_count(), library_count());
    std::thread{[] { std::printf("in a thread: %d\n", library_count()); }}.join();
    try {
        library_throw("over the border");
    } catch (const std::runtime_error& error) {
        std::printf("caught: %s\n", error.what());
    }
}

void loaded_library(const std::string& folder) {
    void* library = dlopen((folder + "/libdynamic_loaded.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::printf("dlopen: %s\n", dlerror());
        return;
    }
    const auto count = reinterpret_cast<int (*)()>(dlsym(library, "library_count"));
    const auto name = reinterpret_cast<const char* (*)()>(dlsym(library, "library_name"));
    const auto fail = reinterpret_cast<void (*)(const char*)>(dlsym(library, "library_throw"));
    std::printf("loaded: %s, counts %d %d\n", name(), count(), count());
    std::vector<std::thread> threads;
    int counts[4]{};
    for (int i = 0; i < 4; i++) threads.emplace_back([&, i] { counts[i] = count() + count(); });
    for (auto& thread : threads) thread.join();
    std::printf("in threads: %d %d %d %d\n", counts[0], counts[1], counts[2], counts[3]);
    try {
        fail("from a loaded library");
    } catch (const std::exception& error) {
        std::printf("caught: %s\n", error.what());
    }
    std::printf("no symbol: %s\n", dlsym(library, "absent") == nullptr ? "right" : "wrong");
    std::printf("dlclose: %d\n", dlclose(library));
    std::printf("no library: %s\n", dlopen("/nonexistent.so", RTLD_NOW) == nullptr ? dlerror() : "wrong");
}

// Names without folders: the paths are the system's own.
void objects() {
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void*) {
            const char* slash = std::strrchr(info->dlpi_name, '/');
            if (slash != nullptr) std::printf("object: %s\n", slash + 1);
            return 0;
        },
        nullptr);
    std::printf("interpreter: %s, entry %s\n", getauxval(AT_BASE) != 0 ? "there" : "none",
                getauxval(AT_ENTRY) != 0 ? "there" : "none");
    std::ifstream maps{"/proc/self/maps"};
    bool libc = false, interpreter = false, both = false;
    for (std::string line; std::getline(maps, line);) {
        libc |= line.find("libc.so.6") != std::string::npos;
        interpreter |= line.find("ld-linux") != std::string::npos;
        both |= line.find("rwx") != std::string::npos;
    }
    std::printf("maps: libc %d, interpreter %d, writable and executable %d\n", libc, interpreter, both);
}

void mappings() {
    std::string content(10000, 'x');
    content.replace(4096, 5, "page2");
    const int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (write(fd, content.data(), content.size()) != 10000) return;
    char* all = static_cast<char*>(mmap(nullptr, 16384, PROT_READ, MAP_PRIVATE, fd, 0));
    std::printf("mapped: %c %.5s, beyond the end %d %d\n", all[0], all + 4096, all[10000], all[12287]);
    void* over = mmap(all, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 4096);
    std::printf("fixed over it: %d %.5s\n", over == all, all);
    all[0] = 'P';
    char byte = 0;
    std::printf("private: %.5s, in the file %zd %c\n", all, pread(fd, &byte, 1, 4096), byte);
    const auto try_map = [&](int protection, int flags, int file, off_t offset) {
        void* at = mmap(nullptr, 4096, protection, flags, file, offset);
        std::printf("mmap: %s\n", at == MAP_FAILED ? std::strerror(errno) : "done");
        if (at != MAP_FAILED) munmap(at, 4096);
    };
    try_map(PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    try_map(PROT_READ, MAP_SHARED, fd, 0);
    try_map(PROT_READ, MAP_PRIVATE, fd, 1);
    try_map(PROT_READ, MAP_PRIVATE, 99, 0);
    try_map(PROT_READ, 0, fd, 0);
    try_map(PROT_NONE, MAP_PRIVATE, fd, 4096);
    const int write_only = open("mapped", O_WRONLY);
    try_map(PROT_READ, MAP_PRIVATE, write_only, 0);
    const int directory = open(".", O_RDONLY);
    try_map(PROT_READ, MAP_PRIVATE, directory, 0);
    int pipes[2];
    if (pipe(pipes) == 0) try_map(PROT_READ, MAP_PRIVATE, pipes[0], 0);
    std::printf("mprotect: %d\n", mprotect(all, 4096, PROT_READ));
    std::printf("munmap: %d\n", munmap(all, 16384));
}

}  // namespace

int main(int, char** arguments) {
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    linked_library();
    loaded_library(folder_of(arguments[0]));
    objects();
    mappings();
}
