// QEMU's debugging stub as the hypervisor's hand: stops the vCPUs anywhere, reads and
// writes their registers and memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/lib/fd.hpp"

namespace enclavisor::tests {

// What breaks the conversation is a std::runtime_error.
class Gdb {
public:
    // The arguments that make QEMU listen on that path.
    static std::vector<std::string> arguments(const std::string& socket);

    struct Registers {
        std::uint64_t general[16];  // as instructions number them
        std::uint64_t rip;
        std::uint32_t rflags, cs, ss;
        std::uint64_t rsp() const { return general[4]; }
    };

    // Stops the VM.
    explicit Gdb(const std::string& socket);
    ~Gdb();  // lets it run

    // Stops all vCPUs where they are.
    void stop();
    void run();
    // Runs until a vCPU is at `address`, which is selected; false if none comes there in time
    // (they are stopped then).
    bool run_to(std::uint64_t address);

    // Of the stopped ones, that which all below is about; at first the first.
    void select(unsigned cpu);
    unsigned selected() const { return cpu_; }
    void step();

    Registers registers();
    void set_general(unsigned n, std::uint64_t value);  // as instructions number them
    void set_rip(std::uint64_t value) { set_register(16, value, 8); }
    void set_rsp(std::uint64_t value) { set_register(7, value, 8); }
    void set_rflags(std::uint32_t value) { set_register(17, value, 4); }
    void set_cs(std::uint32_t value) { set_register(18, value, 4); }
    void set_ss(std::uint32_t value) { set_register(19, value, 4); }

    // Virtual addresses of the moment; rights do not matter.
    std::vector<std::uint8_t> read(std::uint64_t address, std::size_t size);
    std::uint64_t read_word(std::uint64_t address);
    void write(std::uint64_t address, const void* data, std::size_t size);

    // A command of QEMU's monitor, and what it prints.
    std::string monitor(const std::string& command);

private:
    void set_register(unsigned number, std::uint64_t value, std::size_t size);
    void send(const std::string& packet);
    std::string receive(int milliseconds = 20'000);  // empty: nothing came
    std::string ask(const std::string& packet);
    void expect_ok(const std::string& packet);
    char next(int milliseconds);

    host::Fd fd_;
    bool running_ = false;
    unsigned cpu_ = 0;
};

// Injects events as the processor takes them (APM2 8.9): gate, interrupt stack, privilege, frame.
class Injector {
public:
    explicit Injector(Gdb& gdb);
    // At the next instruction of the selected vCPU, which has not halted: it would stay halted, as the
    // stub has it. `error`: with an error code.
    void inject(unsigned vector, bool error, std::uint64_t code = 0);

private:
    Gdb& gdb_;
    std::uint64_t interrupt_table_;
    std::vector<std::uint64_t> tasks_;  // of the vCPUs: TSS
};

}  // namespace enclavisor::tests
