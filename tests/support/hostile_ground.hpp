// Where hostile programs are let loose: one VM per platform, with a victim
// enclave that works all the time.
#pragma once

#include <memory>
#include <optional>

#include "tests/hostile_cases.hpp"
#include "tests/support/machines.hpp"
#include "tests/support/native_enclave.hpp"

namespace enclavisor::tests {

class HostileGround {
public:
    // The VM of `platform`, started on first use; null, with a failure, if it cannot.
    static HostileGround* on(host::Platform platform);
    // Ends all VMs; fails if a victim was disturbed or frames were lost.
    static void finish();

    // Runs the image's code at `entry` until it ends (or, when it must be
    // stopped, shows that it does not end and stops it), and checks the end.
    void run(const NativeImage& image, std::uint64_t entry, const Expectation& expected);
    std::optional<abi::EnclaveStatus> run_to_end(const NativeImage& image, std::uint64_t entry, bool stop);
    // The VM answers and the victim makes progress.
    void expect_unharmed();

    NativeImage hostile() const { return NativeImage{(programs_dir() / "hostile").string()}; }
    const NativeImage& victim_image() const { return victim_image_; }
    host::Machine& machine() { return *machine_; }

private:
    explicit HostileGround(std::unique_ptr<host::Machine> machine);
    std::uint64_t victim_rounds();
    void end();

    std::unique_ptr<host::Machine> machine_;
    NativeImage victim_image_;
    std::optional<NativeEnclave> victim_;
    std::uint64_t free_frames_ = 0;
    bool harmed_ = false;  // the next test gets a new VM
};

}  // namespace enclavisor::tests
