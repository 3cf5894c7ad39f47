// The command as a person meets it: bad input gets one line naming cause and
// cure, and nothing stays behind.
#include "tests/support/command.hpp"

#include <elf.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>

#include "host/lib/sev_host.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/temp_dir.hpp"

namespace enclavisor::tests {
namespace {

namespace fs = std::filesystem;

class BadInput : public testing::Test {
protected:
    fs::path file(const std::string& content) {
        const fs::path path = directory_ / "program";
        write_file(path, content);
        fs::permissions(path, fs::perms::all);
        return path;
    }
    // A good program with its ELF header changed.
    fs::path changed(const std::function<void(Elf64_Ehdr&)>& change) {
        std::string content = read_file(programs_dir() / "libc_tour");
        Elf64_Ehdr header;
        std::memcpy(&header, content.data(), sizeof header);
        change(header);
        std::memcpy(content.data(), &header, sizeof header);
        return file(content);
    }
    TempDir directory_;
};

TEST_F(BadInput, FileMissing) {
    expect_complaint(command({"run", "./absent"}), 127, {"./absent"});
}
TEST_F(BadInput, NameNotInPath) {
    expect_complaint(command({"run", "no-such-program-anywhere"}), 127, {"no-such-program"});
}
TEST_F(BadInput, Directory) {
    expect_complaint(command({"run", directory_.path()}), 126, {directory_.path()});
}
TEST_F(BadInput, NotAnElfFile) {
    expect_complaint(command({"run", file("just text\n")}), 126, {"ELF"});
}
TEST_F(BadInput, EmptyFile) {
    expect_complaint(command({"run", file("")}), 126, {"program"});
}
TEST_F(BadInput, ShellScript) {
    expect_complaint(command({"run", file("#!/bin/sh\necho hi\n")}), 126, {});
}
TEST_F(BadInput, ThirtyTwoBit) {
    expect_complaint(command({"run", changed([](auto& h) { h.e_ident[EI_CLASS] = ELFCLASS32; })}), 126,
                     {"32-bit"});
}
TEST_F(BadInput, WrongMachine) {
    expect_complaint(command({"run", changed([](auto& h) { h.e_machine = EM_AARCH64; })}), 126, {"AArch64"});
}
TEST_F(BadInput, Truncated) {
    const std::string content = read_file(programs_dir() / "libc_tour");
    expect_complaint(command({"run", file(content.substr(0, content.size() / 2))}), 126, {"trunc"});
    expect_complaint(command({"run", file(content.substr(0, 40))}), 126, {});
}
TEST_F(BadInput, DynamicWithoutItsInterpreter) {
    std::string content = read_file("/bin/ls");
    const std::size_t at = content.find("/lib64/ld-linux");
    ASSERT_NE(at, std::string::npos);
    content[at + 1] = 'X';
    expect_complaint(command({"run", file(content)}), 127, {"interpreter", "/Xib64/ld-linux"});
}
TEST_F(BadInput, NotExecutable) {
    const auto path = file(read_file(programs_dir() / "libc_tour"));
    fs::permissions(path, fs::perms::owner_read);
    const auto result = command({"run", path, "0"});
    // For root every readable file may do; what counts is a clear answer.
    if (result.status != 0) expect_complaint(result, 126, {"program"});
}
TEST_F(BadInput, LimitTooSmall) {
    expect_complaint(command({"run", "--limit", "64K", "/bin/busybox", "true"}), 125, {"limit"});
}
TEST_F(BadInput, LimitIsNoSize) {
    expect_complaint(command({"run", "--limit", "many", "/bin/busybox"}), 125, {"many"});
}
TEST_F(BadInput, UnknownPlatform) {
    expect_complaint(command({"run", "--platform", "sgx", "/bin/busybox", "true"}), 125, {"sgx"});
}
// Never a weaker one in silence.
TEST_F(BadInput, PlatformThatThisMachineLacks) {
    const host::SevHost machine = host::read_sev_host();
    if (machine.cpu.sev) GTEST_SKIP() << "this machine may have them";
    for (const char* platform : {"sev", "sev-es", "sev-snp"}) {
        expect_complaint(command({"run", "--platform", platform, "/bin/busybox", "true"}), 125,
                         {std::string{"platform "} + platform + ": this CPU has no SEV", "AMD EPYC"});
        expect_complaint(command({"vm", "start", "none-such", "--platform", platform}), 125,
                         {std::string{"platform "} + platform + ": this CPU has no SEV"});
    }
}
TEST_F(BadInput, OptionsOfAnotherPlatform) {
    expect_complaint(command({"run", "--host-data", "00", "/bin/busybox", "true"}), 125,
                     {"--host-data is for platforms sev-snp, not plain"});
    expect_complaint(command({"run", "--platform", "sev", "--id-block", "x", "/bin/busybox", "true"}), 125,
                     {"--id-block", "sev-snp"});
    expect_complaint(command({"run", "--vm", "default", "--policy", "1", "/bin/busybox", "true"}), 125,
                     {"--policy", "vm start"});
}
TEST_F(BadInput, RequiredFeatures) {
    const auto run = [](const char* platform, const char* words) {
        return command({"run", "--platform", platform, "--require", words, "/bin/busybox", "true"});
    };
    expect_complaint(run("sim-snp", "debug-sawp"), 125, {"did you mean 'debug-swap'"});
    expect_complaint(run("sim-sev-es", "secure-tsc"), 125, {"sim-sev-es has no such thing"});
    expect_complaint(run("plain", "debug-swap"), 125, {"--require is for platforms", "not plain"});
}
TEST_F(BadInput, UnknownOption) {
    expect_complaint(command({"run", "--no-such-option", "/bin/busybox"}), 125, {"--no-such-option"});
}
TEST_F(BadInput, NoCommand) {
    EXPECT_EQ(command({}).status, 125);
}

TEST_F(BadInput, NoQemu) {
    RunOptions options;
    options.environment = {"PATH=/nonexistent"};
    expect_complaint(command({"run", "/bin/busybox", "true"}, options), 125, {"qemu"});
    options.environment = {"PATH=/usr/bin:/bin", "ENCLAVISOR_QEMU=/nonexistent/qemu"};
    expect_complaint(command({"run", "/bin/busybox", "true"}, options), 125, {"/nonexistent/qemu"});
}

// Something that is started as QEMU and never becomes a VM that answers.
TEST_F(BadInput, VmThatDoesNotAnswer) {
    RunOptions options;
    options.environment = {"PATH=/usr/bin:/bin",
                           "ENCLAVISOR_QEMU=" + file("#!/bin/sh\nexec sleep 1000\n").string()};
    expect_complaint(command({"run", "/bin/busybox", "true"}, options), 125, {"does not answer"});
    options.environment[1] =
        "ENCLAVISOR_QEMU=" + file("#!/bin/sh\necho broken installation >&2\nexit 3\n").string();
    expect_complaint(command({"run", "/bin/busybox", "true"}, options), 125, {"broken installation"});
}

TEST_F(BadInput, ManifestWithAWrongKey) {
    const auto manifest = directory_ / "app.toml";
    write_file(manifest, "[enclave]\nentrypoint = \"file:/bin/busybox\"\n  memory_limitt = \"64M\"\n");
    expect_complaint(command({"run", manifest}), 125, {"app.toml:3:3", "memory_limitt"});
}
TEST_F(BadInput, ManifestThatIsNoToml) {
    const auto manifest = directory_ / "app.toml";
    write_file(manifest, "[enclave]\nentrypoint = \n");
    expect_complaint(command({"run", manifest}), 125, {"app.toml:2:"});
}
TEST_F(BadInput, ManifestMissing) {
    expect_complaint(command({"run", "absent.toml"}), 127, {"absent.toml"});
}

TEST_F(BadInput, LaunchDigests) {
    const std::string rom = (build_dir() / "kernel/enclavisor-plain.rom").string();
    const auto measure = [](std::vector<std::string> more) {
        more.insert(more.begin(), "measure");
        return command(more);
    };
    expect_complaint(measure({}), 125, {"nothing to measure"});
    expect_complaint(measure({"--platform", "sve"}), 125, {"--platform", "sve"});
    expect_complaint(measure({"--platform", "sev", "/bin/busybox"}), 125, {"--platform"});
    expect_complaint(measure({"--platform", "sev-snp", "--firmware", rom}), 125, {"--cpu-model"});
    expect_complaint(measure({"--platform", "sev-es", "--firmware", rom, "--cpu-model", "EPYC-Milano"}), 125,
                     {"did you mean 'EPYC-Milan'"});
    expect_complaint(measure({"--platform", "sev-es", "--firmware", rom, "--vcpus", "0"}), 125, {"--vcpus"});
    expect_complaint(measure({"--platform", "sev", "--firmware", rom, "--legacy-vm-type"}), 125, {"sev-es"});
    expect_complaint(measure({"--platform", "sev", "--firmware", "./absent"}), 127, {"./absent"});
    expect_complaint(measure({"--platform", "sev", "--firmware", file("short")}), 126, {"no firmware"});
    const auto zeros = file(std::string(8192, '\0'));
    expect_complaint(measure({"--platform", "sev-snp", "--firmware", zeros, "--cpu-model", "EPYC"}), 126,
                     {"no SEV metadata"});
    expect_complaint(
        measure({"--platform", "sev-snp", "--firmware", rom, "--cpu-model", "EPYC", "--policy", "1"}), 125,
        {"--id-block"});
    expect_complaint(measure({"--platform", "sev-snp", "--firmware", rom, "--cpu-model", "EPYC", "--policy",
                              "1", "--id-block", directory_.path()}),
                     125, {"bit 17"});
    expect_complaint(measure({"--platform", "sev-snp", "--firmware", rom, "--cpu-model", "EPYC", "--require",
                              "secure-tcs"}),
                     125, {"did you mean 'secure-tsc'"});
    expect_complaint(measure({"--platform", "sev", "--firmware", rom, "--require", "debug-swap"}), 125,
                     {"platform sev has no such thing", "--platform sev-snp or sev-es"});
    expect_complaint(measure({"--platform", "sev-snp", "--firmware", rom, "--cpu-model", "EPYC", "--require",
                              "debug-swap", "--sev-features", "0x21"}),
                     125, {"say the same"});
}

TEST_F(BadInput, DiskFullOnOutput) {
    RunOptions options;
    options.standard_output = "/dev/full";
    expect_complaint(command({"measure", "/bin/busybox"}, options), 125, {"No space left"});
    const auto help = command({"--help"});
    EXPECT_EQ(help.status, 0);
    for (const char* word : {"run", "measure", "doctor", "Exit status"})
        EXPECT_NE(help.out.find(word), std::string::npos) << word;
}

TEST(Doctor, FindsThisMachineFit) {
    const auto result = command({"doctor"});
    EXPECT_EQ(result.status, 0) << result.out << result.err;
}

// On an older kernel, as uname(2) tells it, and under a low limit it says so.
TEST(Doctor, NamesWhatIsMissing) {
    RunOptions options;
    options.inherit_environment = true;
    const auto older = run({"/usr/bin/setarch", "--uname-2.6", enclavisor_command(), "doctor"}, options);
    EXPECT_EQ(older.status, host::kExitFailure);
    EXPECT_NE(older.out.find("is older than 5.11"), std::string::npos) << older.out;
    EXPECT_NE(older.out.find("1 problem(s)"), std::string::npos) << older.out;
    const auto few = run({"/usr/bin/prlimit", "--nofile=200", enclavisor_command(), "doctor"}, options);
    EXPECT_NE(few.out.find("only 200 are allowed"), std::string::npos) << few.out;
}

// --- With a VM ----------------------------------------------------------------

TEST(Doctor, AutoIsTheModelWhereThereIsNoHardwareAndSaysSo) {
    if (host::read_sev_host().cpu.sev) GTEST_SKIP() << "this machine may have hardware";
    const auto result = command({"run", "--platform", "auto", "-q", "/bin/busybox", "true"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(
        result.err,
        "enclavisor: platform sim-sev: a model that hides nothing from the host, as no SEV guest can be "
        "started: this CPU has no SEV\n");
    const auto doctor = command({"doctor"});
    EXPECT_NE(
        doctor.out.find(
            "cannot   platform sev-snp: this CPU has no SEV-SNP\n         cure: it needs an AMD EPYC 7003"),
        std::string::npos)
        << doctor.out;
    EXPECT_EQ(doctor.out.find("ok       platform sev"), std::string::npos);
    EXPECT_EQ(doctor.status, 0) << doctor.out;
}

class Command : public testing::TestWithParam<host::Platform> {
protected:
    std::string platform() const { return host::platform_name(GetParam()); }
};
ENCLAVISOR_ON_ALL_PLATFORMS(Command);

// Processes whose command line shows our ROM.
std::size_t virtual_machines() {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator{"/proc"}) {
        const std::string line = read_file(entry.path() / "cmdline");
        if (line.find("qemu") != std::string::npos && line.find("enclavisor-") != std::string::npos) {
            const std::string parent = read_file(entry.path() / "status");
            if (parent.find("PPid:\t1\n") != std::string::npos) count++;
        }
    }
    return count;
}

// The processes die with the command, but not in the same instant.
bool no_more_machines_than(std::size_t before) {
    for (int i = 0; i < 100 && virtual_machines() > before; i++) {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    return virtual_machines() <= before;
}

TEST_P(Command, ExitStatusIsTheProgramsOwn) {
    EXPECT_EQ(command({"run", "--platform", platform(), "/bin/busybox", "sh", "-c", "exit 41"}).status, 41);
}

TEST_P(Command, DoubleDashEndsTheOptions) {
    const auto result =
        command({"run", "--platform", platform(), "--", "/bin/busybox", "echo", "--platform", "--"});
    EXPECT_EQ(result.out, "--platform --\n") << result.err;
}

TEST_P(Command, ASignalsEndShowsAsShellsShowIt) {
    const auto result =
        command({"run", "--platform", platform(), "/bin/busybox", "sh", "-c", "kill -ABRT $$"});
    EXPECT_EQ(result.status, 128 + SIGABRT) << result.err;
    EXPECT_EQ(complaints(result).size(), 1u) << result.err;
}

TEST_P(Command, ProgramMeetsAFullDisk) {
    RunOptions options;
    options.standard_output = "/dev/full";
    const auto result = command({"run", "--platform", platform(), "/bin/busybox", "seq", "1", "10"}, options);
    RunOptions native_options = options;
    native_options.inherit_environment = true;
    EXPECT_EQ(result.status, run({"/bin/busybox", "seq", "1", "10"}, native_options).status) << result.err;
}

TEST_P(Command, CtrlCEndsEnclaveAndVm) {
    RunOptions options;
    options.signal = SIGINT;
    options.signal_after = std::chrono::milliseconds{3000};
    options.timeout = std::chrono::seconds{30};
    const auto orphans = virtual_machines();
    const auto result = command({"run", "--platform", platform(), "/bin/busybox", "sleep", "1000"}, options);
    EXPECT_FALSE(result.timed_out);
    EXPECT_EQ(result.status, 128 + SIGINT) << result.err;
    EXPECT_LT(result.time.count(), 15'000);
    EXPECT_TRUE(no_more_machines_than(orphans)) << "a VM stays behind";
}

TEST_P(Command, KilledCommandTakesItsVmAlong) {
    RunOptions options;
    options.signal = SIGKILL;
    options.signal_after = std::chrono::milliseconds{3000};
    const auto orphans = virtual_machines();
    const auto result = command({"run", "--platform", platform(), "/bin/busybox", "sleep", "1000"}, options);
    EXPECT_EQ(result.status, 128 + SIGKILL);
    EXPECT_TRUE(no_more_machines_than(orphans)) << "a VM stays behind";
}

TEST_P(Command, TimeoutEndsTheProgram) {
    const auto result =
        command({"run", "--platform", platform(), "--timeout", "2", "/bin/busybox", "sleep", "1000"});
    EXPECT_EQ(result.status, 124) << result.err;
}

TEST_P(Command, MeasurementOfflineEqualsReported) {
    for (const std::string program : {"/bin/busybox", "/bin/bash-static"}) {
        const auto offline = command({"measure", program});
        ASSERT_EQ(offline.status, 0) << offline.err;
        ASSERT_EQ(offline.out.size(), 97u) << offline.out;
        const auto online =
            command({"run", "--platform", platform(), "-q", "--print-measurement", program, "--help"});
        EXPECT_NE(online.err.find(offline.out.substr(0, 96)), std::string::npos) << online.err;
    }
    EXPECT_NE(command({"measure", "/bin/busybox"}).out,
              command({"measure", "--limit", "128M", "/bin/busybox"}).out);
}

TEST_P(Command, UnsupportedCallsAreCountedAndNamed) {
    const auto result = command({"run", "--platform", platform(), "-v", "/bin/busybox", "adjtimex"});
    EXPECT_NE(result.err.find("adjtimex"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("unsupported"), std::string::npos) << result.err;
}

TEST_P(Command, ManifestRunsWithTrustedFilesAndTmpfs) {
    const TempDir directory;
    write_file(directory / "greeting", "hello from a trusted file\n");
    write_file(
        directory / "app.toml",
        "[enclave]\nentrypoint = \"file:/bin/busybox\"\n"
        "argv = [\"sh\", \"-c\", \"read g < /etc/greeting; echo $g; echo x > /tmp/y; read z < /tmp/y; echo "
        "$z $GREETING; "
        "exit 5\"]\n"
        "memory_limit = \"64M\"\nenv.GREETING = \"fixed\"\n"
        "[fs]\nmounts = [\n  { type = \"trusted\", path = \"/etc/greeting\", uri = \"file:greeting\" },\n"
        "  { type = \"tmpfs\", path = \"/tmp\" } ]\n");
    const auto result = command({"run", "--platform", platform(), (directory / "app.toml").string()});
    EXPECT_EQ(result.out, "hello from a trusted file\nx fixed\n") << result.err;
    EXPECT_EQ(result.status, 5) << result.err;
    // A file changed after it was measured is refused.
    const auto offline = command({"measure", (directory / "app.toml").string()}).out;
    write_file(directory / "greeting", "hello from a changed file\n");
    EXPECT_NE(command({"measure", (directory / "app.toml").string()}).out, offline);
}

}  // namespace
}  // namespace enclavisor::tests
