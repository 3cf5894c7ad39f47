#include "tests/support/gdb.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace enclavisor::tests {
namespace {

std::string hex(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    std::string text;
    for (std::size_t i = 0; i < size; i++) {
        text += "0123456789abcdef"[bytes[i] >> 4];
        text += "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
}

std::vector<std::uint8_t> bytes_of(const std::string& text) {
    std::vector<std::uint8_t> bytes(text.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); i++)
        bytes[i] = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
    return bytes;
}

std::string number(std::uint64_t value) {
    char text[17];
    std::snprintf(text, sizeof(text), "%lx", value);
    return text;
}

}  // namespace

std::vector<std::string> Gdb::arguments(const std::string& socket) {
    return {"-gdb", "unix:" + socket + ",server=on,wait=off"};
}

Gdb::Gdb(const std::string& socket) : fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
    for (int i = 0; ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0; i++) {
        if (i == 100) throw std::runtime_error{"QEMU does not listen on " + socket};
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    // Registers can be written one by one only after this question. That the VM stopped is
    // said before the answer.
    for (std::string answer = ask("qXfer:features:read:target.xml:0,ffb"); answer[0] != 'l';
         answer = receive()) {
        if (answer.empty()) throw std::runtime_error{"QEMU does not describe its registers"};
    }
    // Interrupts and timers go on while it is stepped.
    expect_ok("Qqemu.sstep=1");
}

Gdb::~Gdb() {
    try {
        if (running_) stop();
        send("D");
        receive();
    } catch (const std::exception&) {  // the VM is gone
    }
}

char Gdb::next(int milliseconds) {
    pollfd ready{fd_.get(), POLLIN, 0};
    if (::poll(&ready, 1, milliseconds) == 0) return '\0';
    char byte;
    if (::read(fd_.get(), &byte, 1) != 1) throw std::runtime_error{"the VM's debugging stub is gone"};
    return byte;
}

void Gdb::send(const std::string& packet) {
    std::uint8_t sum = 0;
    for (const char c : packet) sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(c));
    const std::string text = "$" + packet + "#" + hex(&sum, 1);
    if (::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error{"the VM's debugging stub is gone"};
}

std::string Gdb::receive(int milliseconds) {
    char byte;
    do {
        byte = next(milliseconds);
        if (byte == '\0') return {};
    } while (byte != '$');
    std::string packet;
    while ((byte = next(milliseconds)) != '#') packet += byte;
    next(milliseconds), next(milliseconds);
    if (::send(fd_.get(), "+", 1, MSG_NOSIGNAL) != 1)
        throw std::runtime_error{"the VM's debugging stub is gone"};
    return packet;
}

std::string Gdb::ask(const std::string& packet) {
    send(packet);
    return receive();
}

void Gdb::expect_ok(const std::string& packet) {
    const std::string answer = ask(packet);
    if (answer != "OK") throw std::runtime_error{packet + ": " + answer};
}

void Gdb::stop() {
    if (!running_) return;
    if (::send(fd_.get(), "\3", 1, MSG_NOSIGNAL) != 1 || receive().empty())
        throw std::runtime_error{"the VM does not stop"};
    running_ = false;
}

void Gdb::run() {
    send("c");
    running_ = true;
}

bool Gdb::run_to(std::uint64_t address) {
    const std::string point = "0," + number(address) + ",1";
    expect_ok("Z" + point);
    run();
    const std::string stopped = receive();
    if (!stopped.empty()) {
        running_ = false;
    } else {
        stop();
    }
    expect_ok("z" + point);
    // "T05thread:02;"
    const auto at = stopped.find("thread:");
    if (at == std::string::npos) return false;
    select(static_cast<unsigned>(std::stoul(stopped.substr(at + 7), nullptr, 16)) - 1);
    return registers().rip == address;
}

void Gdb::select(unsigned cpu) {
    cpu_ = cpu;
    expect_ok("Hg" + number(cpu + 1));
}

void Gdb::step() {
    if (ask("vCont;s:" + number(cpu_ + 1)).empty()) throw std::runtime_error{"no step"};
    select(cpu_);
}

// The stub's order of the general ones is RAX RBX RCX RDX RSI RDI RBP RSP R8 to R15.
constexpr unsigned kPlace[16] = {0, 2, 3, 1, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

Gdb::Registers Gdb::registers() {
    const auto bytes = bytes_of(ask("g"));
    Registers r{};
    if (bytes.size() < 17 * 8 + 3 * 4) throw std::runtime_error{"no registers"};
    for (unsigned i = 0; i < 16; i++) std::memcpy(&r.general[i], &bytes[kPlace[i] * 8], 8);
    std::memcpy(&r.rip, &bytes[16 * 8], 8);
    std::memcpy(&r.rflags, &bytes[17 * 8], 4);
    std::memcpy(&r.cs, &bytes[17 * 8 + 4], 4);
    std::memcpy(&r.ss, &bytes[17 * 8 + 8], 4);
    return r;
}

void Gdb::set_general(unsigned n, std::uint64_t value) {
    set_register(kPlace[n], value, 8);
}

void Gdb::set_register(unsigned place, std::uint64_t value, std::size_t size) {
    expect_ok("P" + number(place) + "=" + hex(&value, size));
}

std::vector<std::uint8_t> Gdb::read(std::uint64_t address, std::size_t size) {
    const auto bytes = bytes_of(ask("m" + number(address) + "," + number(size)));
    if (bytes.size() != size) throw std::runtime_error{"nothing to read at " + number(address)};
    return bytes;
}

std::uint64_t Gdb::read_word(std::uint64_t address) {
    std::uint64_t word;
    std::memcpy(&word, read(address, sizeof(word)).data(), sizeof(word));
    return word;
}

void Gdb::write(std::uint64_t address, const void* data, std::size_t size) {
    constexpr std::size_t kMost = 1024;  // QEMU's packets have 4096 characters
    for (std::size_t done = 0, part; done < size; done += part) {
        part = std::min(size - done, kMost);
        expect_ok("M" + number(address + done) + "," + number(part) + ":" +
                  hex(static_cast<const std::uint8_t*>(data) + done, part));
    }
}

std::string Gdb::monitor(const std::string& command) {
    std::string printed;
    send("qRcmd," + hex(command.data(), command.size()));
    for (;;) {
        const std::string answer = receive();
        if (answer == "OK") return printed;
        if (answer.size() < 2 || answer[0] != 'O') throw std::runtime_error{command + ": " + answer};
        for (const std::uint8_t byte : bytes_of(answer.substr(1))) printed += static_cast<char>(byte);
    }
}

Injector::Injector(Gdb& gdb) : gdb_{gdb} {
    // A paragraph for each vCPU, in order.
    const std::string text = gdb.monitor("info registers -a");
    const auto find_all = [&](const std::string& name, std::size_t skip) {
        std::vector<std::uint64_t> found;
        for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1))
            found.push_back(std::stoull(text.substr(at + name.size() + skip), nullptr, 16));
        if (found.empty()) throw std::runtime_error{"no " + name + " in\n" + text};
        return found;
    };
    interrupt_table_ = find_all("IDT=", 0).front();
    tasks_ = find_all("TR =", 5);  // after the selector
}

void Injector::inject(unsigned vector, bool error, std::uint64_t code) {
    struct Gate {
        std::uint16_t low, selector;
        std::uint8_t stack, type;
        std::uint16_t middle;
        std::uint32_t high, reserved;
    } gate;
    std::memcpy(&gate, gdb_.read(interrupt_table_ + 16 * vector, sizeof(gate)).data(), sizeof(gate));
    if ((gate.type & 0x9f) != 0x8e) throw std::runtime_error{"not an interrupt gate"};
    const Gdb::Registers r = gdb_.registers();
    const bool from_user = r.cs & 3;
    const std::uint64_t task = tasks_.at(gdb_.selected());
    std::uint64_t rsp = r.rsp();
    if (gate.stack & 7) {
        rsp = gdb_.read_word(task + 36 + 8 * ((gate.stack & 7) - 1));
    } else if (from_user) {
        rsp = gdb_.read_word(task + 4);
    }
    const std::uint64_t frame[6] = {code, r.rip, r.cs, r.rflags, r.rsp(), r.ss};
    const std::size_t skipped = error ? 0 : 1, size = sizeof(frame) - 8 * skipped;
    rsp = (rsp & ~15ull) - size;
    gdb_.write(rsp, frame + skipped, size);
    gdb_.set_rsp(rsp);
    if (from_user) gdb_.set_ss(0);
    gdb_.set_cs(gate.selector);
    // TF, IF, NT, RF
    gdb_.set_rflags(r.rflags & ~0x1'4300u);
    gdb_.set_rip(std::uint64_t{gate.high} << 32 | std::uint64_t{gate.middle} << 16 | gate.low);
}

}  // namespace enclavisor::tests
