// Programs that execute what a hostile host has in its files: headers that cannot be, contents
// that change between two reads, scripts that name each other. The process that asked goes on,
// and the enclave with it; a bare program's files are the host's word, but no more than that.
// First: GCC 12 thinks that its enumerators shadow those of abi/host/control.hpp.
#include "abi/host/forwarded_calls.hpp"
//
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <mutex>
#include <random>

#include "host/lib/application.hpp"
#include "host/lib/enclave.hpp"
#include "host/proxy/executor.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"
#include "tests/support/subprocess.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;

class HostileFiles : public OwnMachine {
protected:
    void SetUp() override {
        ASSERT_NO_FATAL_FAILURE(OwnMachine::SetUp());
        program_ = read_file(programs_dir() / "exec_tour");  // which alone does nothing
        ASSERT_GT(program_.size(), sizeof(Elf64_Ehdr));
    }
    std::string make(const std::string& name, const std::string& content) {
        const fs::path path = directory_ / name;
        write_file(path, content);
        fs::permissions(path, fs::perms::owner_all);
        return path.string();
    }
    using AfterCall = std::function<void(abi::ForwardedCall, std::span<std::byte>)>;
    // What exec_tour prints about `files`; `lie` may change what a call read.
    std::string executed(const std::vector<std::string>& files, const AfterCall& lie = {}) {
        auto described = host::describe_program(programs_dir() / "exec_tour", 64ull << 20);
        if (!described.ok()) return described.error().text();
        auto built = host::Enclave::build(*machine_, described.value().image);
        if (!built.ok()) return built.error().text();
        auto enclave = built.take();
        host::Executor executor{{}};
        std::string output;
        std::mutex mutex;
        enclave.attach_handler(
            [&](const abi::SubmissionEntry& entry, std::span<std::byte> data) -> std::int64_t {
                const auto call = static_cast<abi::ForwardedCall>(entry.call);
                const auto at = entry.arguments[1];
                std::lock_guard guard{mutex};
                if (call == abi::ForwardedCall::kWrite && entry.arguments[0] <= 2) {
                    if (entry.arguments[0] == 1)
                        output.append(reinterpret_cast<const char*>(data.data()) + at, entry.arguments[2]);
                    return static_cast<std::int64_t>(entry.arguments[2]);
                }
                const std::int64_t result = executor.execute(entry, data);
                if (lie && result > 0 && at < data.size()) {
                    const auto size =
                        std::min<std::uint64_t>(static_cast<std::uint64_t>(result), data.size() - at);
                    lie(call, data.subspan(at, size));
                }
                return result;
            });
        host::StartParameters start;
        start.arguments = {"exec_tour"};
        start.arguments.insert(start.arguments.end(), files.begin(), files.end());
        if (!enclave.hand_over(start).ok() || !enclave.start().ok()) return "it does not start";
        const auto status = enclave.wait(std::chrono::seconds{240});
        if (!status.ok()) return status.error().text() + "\n" + output;
        EXPECT_EQ(static_cast<abi::EndReason>(status.value().reason), abi::EndReason::kExited)
            << describe(status.value()) << "\n"
            << output;
        return output;
    }

    TempDir directory_;
    std::string program_;
};
ENCLAVISOR_ON_ALL_PLATFORMS(HostileFiles);

template <typename Struct>
void edit(std::string& file, std::size_t at, const std::function<void(Struct&)>& change) {
    Struct header;
    std::memcpy(&header, file.data() + at, sizeof header);
    change(header);
    std::memcpy(file.data() + at, &header, sizeof header);
}

// Each cannot be run, and is refused or ends by a signal.
TEST_P(HostileFiles, HeadersThatCannotBeAreRefused) {
    struct Bad {
        const char* name;
        std::function<void(std::string&)> make;
    };
    const auto in_header = [](std::function<void(Elf64_Ehdr&)> change) {
        return [change](std::string& file) { edit<Elf64_Ehdr>(file, 0, change); };
    };
    const auto in_segments = [](std::function<void(Elf64_Phdr&)> change) {
        return [change](std::string& file) {
            Elf64_Ehdr header;
            std::memcpy(&header, file.data(), sizeof header);
            for (unsigned i = 0; i < header.e_phnum; i++) {
                edit<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr), [&](Elf64_Phdr& segment) {
                    if (segment.p_type == PT_LOAD) change(segment);
                });
            }
        };
    };
    const Bad cases[] = {
        {"empty", [](std::string& file) { file.clear(); }},
        {"one-byte", [](std::string& file) { file.resize(1); }},
        {"half-a-header", [](std::string& file) { file.resize(sizeof(Elf64_Ehdr) / 2); }},
        {"no-segments-there", [](std::string& file) { file.resize(sizeof(Elf64_Ehdr) + 8); }},
        {"no-contents-there", [](std::string& file) { file.resize(4096); }},
        {"another-machine", in_header([](Elf64_Ehdr& header) { header.e_machine = EM_386; })},
        {"a-library", in_header([](Elf64_Ehdr& header) { header.e_type = ET_REL; })},
        {"no-headers", in_header([](Elf64_Ehdr& header) { header.e_phnum = 0; })},
        {"all-headers", in_header([](Elf64_Ehdr& header) { header.e_phnum = 0xffff; })},
        {"headers-of-one-byte", in_header([](Elf64_Ehdr& header) { header.e_phentsize = 1; })},
        {"headers-nowhere", in_header([](Elf64_Ehdr& header) { header.e_phoff = ~0ull; })},
        {"headers-far", in_header([](Elf64_Ehdr& header) { header.e_phoff = 1ull << 61; })},
        {"begins-nowhere", in_header([](Elf64_Ehdr& header) { header.e_entry = ~0ull; })},
        {"begins-at-zero", in_header([](Elf64_Ehdr& header) { header.e_entry = 0; })},
        {"begins-in-the-runtime", in_header([](Elf64_Ehdr& header) { header.e_entry = abi::kRuntimeBase; })},
        {"no-segment", in_segments([](Elf64_Phdr& segment) { segment.p_type = PT_NOTE; })},
        {"larger-in-the-file", in_segments([](Elf64_Phdr& segment) { segment.p_memsz = 1; })},
        {"wraps", in_segments([](Elf64_Phdr& segment) { segment.p_memsz = ~0ull; })},
        {"wraps-in-the-file", in_segments([](Elf64_Phdr& segment) { segment.p_offset |= 1ull << 63; })},
        {"in-the-kernel", in_segments([](Elf64_Phdr& segment) { segment.p_vaddr |= 0xffff'8000'0000'0000; })},
        {"in-the-runtime", in_segments([](Elf64_Phdr& segment) {
             segment.p_vaddr = abi::kRuntimeBase + segment.p_vaddr % 4096;
         })},
        {"at-the-end", in_segments([](Elf64_Phdr& segment) {
             segment.p_vaddr = abi::kEnclaveEnd - 4096 + segment.p_vaddr % 4096;
         })},
        {"over-each-other",
         in_segments([](Elf64_Phdr& segment) { segment.p_vaddr = 0x400000 + segment.p_vaddr % 4096; })},
        {"without-code", in_segments([](Elf64_Phdr& segment) { segment.p_flags = PF_R; })},
        {"writes-its-code", in_segments([](Elf64_Phdr& segment) { segment.p_flags = PF_W; })},
        {"a-terabyte", in_segments([](Elf64_Phdr& segment) { segment.p_memsz = 1ull << 40; })},
    };
    std::vector<std::string> files;
    std::string names;
    for (const Bad& bad : cases) {
        std::string file = program_;
        bad.make(file);
        files.push_back(make(bad.name, file));
    }
    files.push_back(make("good", program_));
    const std::string output = executed(files);
    std::istringstream lines{output};
    std::string line;
    for (const Bad& bad : cases) {
        std::getline(lines, line);
        EXPECT_EQ(line.rfind(std::string{bad.name} + ": ", 0), 0u) << output;
        EXPECT_EQ(line.find(": status 0"), std::string::npos) << line;
    }
    EXPECT_TRUE(output.ends_with("good: status 0\nsurvived\n")) << output;
}

TEST_P(HostileFiles, ScriptsThatNameEachOtherEnd) {
    const auto script = [&](const std::string& name, const std::string& interpreter) {
        return make(name, "#!" + interpreter + "\n");
    };
    const auto path = [&](const char* name) { return (directory_ / name).string(); };
    std::vector<std::string> files{script("itself", path("itself")),
                                   script("one", path("other")),
                                   script("other", path("one")),
                                   script("a-folder", "/tmp"),
                                   script("blank", "   "),
                                   make("no-end", "#!"),
                                   make("long", "#!" + std::string(100'000, 'x')),
                                   make("zeros", std::string("#!\0\0\0\0", 6))};
    for (int i = 0; i < 8; i++)
        files.push_back(script("chain" + std::to_string(i), path(("chain" + std::to_string(i + 1)).c_str())));
    // It takes what is given for names of its own, and has none.
    files.push_back(make("chain8", read_file("/bin/busybox")));
    files.push_back(make("good", program_));
    const std::string output = executed(files);
    for (const char* refused :
         {"itself: Symbolic link loop", "one: Symbolic link loop", "other: Symbolic link loop",
          "a-folder: Permission denied", "blank: ", "no-end: ", "zeros: ", "chain0: Symbolic link loop"}) {
        EXPECT_NE(output.find(refused), std::string::npos) << refused << "\n" << output;
    }
    EXPECT_EQ(output.find("blank: status 0"), std::string::npos) << output;
    EXPECT_TRUE(output.ends_with("good: status 0\nsurvived\n")) << output;
}

// Any byte of the headers, at random. What remains may run, or not.
TEST_P(HostileFiles, HeadersAtRandomEndTheirProcessOnly) {
    std::mt19937_64 random{11};
    std::vector<std::string> files;
    const int count = soak_seconds(0) > 0 ? 300 : 40;
    for (int i = 0; i < count; i++) {
        std::string file = program_;
        for (int change = 1 + static_cast<int>(random() % 3); change > 0; change--) {
            const std::size_t at = 24 + random() % (sizeof(Elf64_Ehdr) - 24 + 6 * sizeof(Elf64_Phdr));
            file[at] = static_cast<char>(random() % 3 == 0 ? random() : file[at] ^ (1 << random() % 8));
        }
        files.push_back(make("random" + std::to_string(i), file));
    }
    files.push_back(make("good", program_));
    const std::string output = executed(files);
    EXPECT_TRUE(output.ends_with("good: status 0\nsurvived\n")) << output;
}

// The same file is another at each read.
TEST_P(HostileFiles, ContentsThatChangeBetweenReadsEndTheirProcessOnly) {
    const std::vector<std::string> files(soak_seconds(0) > 0 ? 200 : 24, make("changing", program_));
    std::mt19937_64 random{5};
    unsigned lies = 0;
    const std::string output = executed(files, [&](abi::ForwardedCall call, std::span<std::byte> read) {
        if (call != abi::ForwardedCall::kRead && call != abi::ForwardedCall::kPread) return;
        if (random() % 2 == 0) return;
        lies++;
        for (int i = 0; i < 4; i++)
            read[random() % std::min<std::size_t>(read.size(), 512)] ^= std::byte{0x40};
    });
    EXPECT_GT(lies, 10u);
    EXPECT_NE(output.find("changing: "), std::string::npos) << output;
    EXPECT_TRUE(output.ends_with("survived\n")) << output;
}

}  // namespace
}  // namespace enclavisor::tests
