// The command lines of all platforms for all generations of QEMU, against files (testdata/), and,
// as far as the QEMU here can have them, against itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "host/lib/base64.hpp"
#include "host/lib/fd_message.hpp"
#include "host/lib/id_block.hpp"
#include "host/lib/ivshmem.hpp"
#include "host/lib/process.hpp"
#include "host/lib/qemu_command.hpp"
#include "host/lib/test_firmware.hpp"
#include "host/lib/test_sev_host.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

constexpr Platform kPlatforms[] = {
    Platform::kPlain, Platform::kSimulatedSev, Platform::kSimulatedSevEs, Platform::kSimulatedSnp,
    Platform::kSev,   Platform::kSevEs,        Platform::kSevSnp};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

// A folder with every file that a guest can be given.
class Generations : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "enclavisor-lines-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        TestFirmware firmware = TestFirmware::amd_sev();
        firmware.size = 64 << 10;
        const auto image = firmware.bytes();
        put("rom", {reinterpret_cast<const char*>(image.data()), image.size()});
        put("session", to_base64(std::vector<std::byte>(0x80)));
        put("dh-cert", to_base64(std::vector<std::byte>(0x824)));
        put("auth", std::string(4096, '\0'));
        put("certificates", "table");
    }
    void TearDown() override { fs::remove_all(folder_); }
    void put(const std::string& name, const std::string& bytes) {
        std::ofstream{folder_ / name, std::ios::binary} << bytes;
    }
    std::string file(const char* name) { return (folder_ / name).string(); }

    Result<SevGuest> plan(Platform platform, std::pair<int, int> qemu, const SevOptions& options) {
        return plan_sev_guest({platform, 4, 512, folder_ / "rom"}, options, milan_host(), qemu_of(qemu));
    }
    // Everything that `platform` and that QEMU can be asked for.
    SevOptions all_options(Platform platform, std::pair<int, int> qemu) {
        SevOptions options{.cpu_model = "EPYC-Milan"};
        if (qemu >= std::pair{10, 2} && platform != Platform::kSev)
            options.require = platform == Platform::kSevSnp ? "secure-tsc,debug-swap" : "debug-swap";
        if (platform != Platform::kSevSnp) {
            options.session = file("session");
            options.dh_cert = file("dh-cert");
            return options;
        }
        const auto bare = plan(platform, qemu, options);
        if (!bare) return options;
        IdBlock block{.policy = 0x3001f};
        std::copy(bare.value().digest.begin(), bare.value().digest.end(), block.launch_digest.begin());
        put("block", {reinterpret_cast<const char*>(&block), sizeof(block)});
        options.id_block = file("block");
        options.id_auth = file("auth");
        options.host_data = std::string(64, 'a');
        options.workarounds = std::string(32, '0');
        if (qemu >= std::pair{10, 1}) options.certificates = file("certificates");
        return options;
    }

    Result<std::vector<std::string>> line(Platform platform, std::pair<int, int> qemu,
                                          const SevOptions& options, QemuSpec spec) {
        spec.rom = folder_ / "rom";
        spec.platform = platform;
        spec.cpus = 4;
        if (!is_hardware(platform)) return qemu_command(spec);
        const SevGuest guest = TRY(plan(platform, qemu, options));
        spec.accelerator = Accelerator::kKvm;
        spec.sev = &guest;
        return qemu_command(spec);
    }
    // An option and its value a line, or why there is none.
    std::string text(Platform platform, std::pair<int, int> qemu, const SevOptions& options) {
        QemuSpec spec{.qemu = "qemu-system-x86_64", .link_fd = 7, .serial_fd = 8};
        if (has_simulated_exits(platform)) spec.carrier_fd = 9;
        if (is_hardware(platform)) spec.monitor_fd = 9;
        const auto words = line(platform, qemu, options, spec);
        if (!words) return "error: " + words.error().text() + "\n";
        std::string result = words.value().front();
        for (std::size_t i = 1; i < words.value().size(); i++)
            result += (words.value()[i].starts_with('-') ? "\n  " : " ") + words.value()[i];
        // A block's Base64 hangs on the digest; sev_guest_test and launch_digest_test have it.
        if (const std::size_t at = result.find("id-block="); at != std::string::npos)
            result.replace(at, result.find(',', at) - at, "id-block=BLOCK");
        if (const std::size_t at = result.find("id-auth="); at != std::string::npos)
            result.replace(at, result.find(',', at) - at, "id-auth=AUTH");
        return replaced(result, folder_.string(), "FOLDER") + "\n";
    }

    fs::path folder_;
};

std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

// ENCLAVISOR_WRITE_GOLDEN=1 writes the files instead: read the difference.
TEST_F(Generations, Golden) {
    for (const auto& qemu : kGenerations) {
        std::string all;
        for (const Platform platform : kPlatforms) {
            all += std::string{"== "} + platform_name(platform) + "\n" + text(platform, qemu, {});
            if (!is_hardware(platform) || !plan(platform, qemu, {})) continue;
            all += std::string{"== "} + platform_name(platform) + ", with everything\n" +
                   text(platform, qemu, all_options(platform, qemu));
        }
        const fs::path golden =
            fs::path{ENCLAVISOR_SOURCE_DIR} / "host/lib/testdata" /
            ("qemu-" + std::to_string(qemu.first) + "." + std::to_string(qemu.second) + ".txt");
        if (std::getenv("ENCLAVISOR_WRITE_GOLDEN") != nullptr) {
            fs::create_directories(golden.parent_path());
            std::ofstream{golden} << all;
        }
        EXPECT_EQ(read(golden), all) << golden;
    }
}

// --- Against the QEMU here ---------------------------------------------------------

// What QEMU says of a command line, and how it ends. It reads all of it, makes all devices and
// objects, and only then finds that the processor encrypts nothing.
class RealGeneration : public Generations {
protected:
    void SetUp() override {
        Generations::SetUp();
        const auto qemu = find_qemu();
        if (!qemu) GTEST_SKIP() << qemu.error().text();
        qemu_ = qemu.value();
        const auto facts = ask_qemu(qemu_);
        ASSERT_TRUE(facts) << facts.error().text();
        release_ = facts.value().release;
    }

    struct Said {
        int status = 0;
        std::string text;
    };
    // `change`: of the command line.
    Said start(Platform platform, const std::function<void(std::vector<std::string>&)>& change = {}) {
        const Fd memory{::memfd_create("link", MFD_CLOEXEC)};
        EXPECT_EQ(::ftruncate(memory.get(), 1 << 20), 0);
        auto link = prepare_ivshmem(memory.get());
        EXPECT_TRUE(link) << link.error().text();
        auto [serial, serial_client] = socket_pair(SOCK_STREAM).take();
        auto [monitor, monitor_client] = socket_pair(SOCK_STREAM).take();
        QemuSpec spec{.qemu = qemu_,
                      .link_fd = link.value().client.get(),
                      .serial_fd = serial_client.get(),
                      .monitor_fd = monitor_client.get()};
        // As QEMU 7.2 until there is a newer description.
        auto words = line(platform, std::max(release_, {7, 2}), all_options(platform, release_), spec).take();
        // TCG in KVM's place: any machine has it.
        std::replace(words.begin(), words.end(), std::string{"kvm"}, std::string{"tcg"});
        if (change) change(words);
        const fs::path out = folder_ / "out";
        const Fd file{::open(out.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
        const rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);  // it ends by abort()
        auto process = Process::spawn(words, {.inherit = {spec.link_fd, spec.serial_fd, spec.monitor_fd},
                                              .standard_output = file.get(),
                                              .standard_error = file.get()});
        EXPECT_TRUE(process) << process.error().text();
        pollfd ended{process.value().pidfd(), POLLIN, 0};
        EXPECT_EQ(::poll(&ended, 1, 60'000), 1) << "QEMU goes on";
        const auto status = process.value().ended();
        return {status.value_or(0), read(out)};
    }

    fs::path qemu_;
    std::pair<int, int> release_;
};

TEST_F(RealGeneration, UnderstandsAllOfIt) {
    if (release_ >= std::pair{8, 0}) GTEST_SKIP() << "how a later QEMU ends here is not known";
    for (const Platform platform : {Platform::kSev, Platform::kSevEs}) {
        const Said said = start(platform);
        EXPECT_NE(said.text.find("`machine->cgs->ready' failed"), std::string::npos) << said.text;
    }
}

// That the test above can fail: every option and every property is one that QEMU knows.
TEST_F(RealGeneration, NoticesEveryMisspelling) {
    if (release_ >= std::pair{8, 0}) GTEST_SKIP() << "how a later QEMU ends here is not known";
    std::vector<std::string> words;
    start(Platform::kSevEs, [&](std::vector<std::string>& line) { words = line; });
    std::size_t tried = 0;
    for (std::size_t at = 1; at < words.size(); at++) {
        for (std::size_t i = 0; i + 1 < words[at].size(); i++) {
            const bool option = i == 0 && words[at][0] == '-';
            const bool property = words[at][i] == ',' && words[at].find('=', i) != std::string::npos;
            if (!option && !property) continue;
            // Descriptors are others in another process: by place, not by text.
            const Said said =
                start(Platform::kSevEs, [&](std::vector<std::string>& line) { line[at].insert(i + 1, "z"); });
            EXPECT_EQ(said.text.find("`machine->cgs->ready' failed"), std::string::npos)
                << words[at] << " at " << i << "\n"
                << said.text;
            EXPECT_NE(said.status, 0);
            tried++;
        }
    }
    EXPECT_GE(tried, 30u);
}

}  // namespace
}  // namespace enclavisor::host
