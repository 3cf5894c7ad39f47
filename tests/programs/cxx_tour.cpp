// What a C++20 program expects of its run-time and of Linux: exceptions,
// iostreams, filesystem, chrono, containers. Deterministic output; run in an
// empty directory.
#include <algorithm>
#include <bitset>
#include <charconv>
#include <chrono>
#include <cmath>
#include <complex>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>
#include <unordered_map>
#include <variant>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Tracer {
    explicit Tracer(int id_) : id{id_} {}
    ~Tracer() { std::cout << "~" << id << ' '; }
    int id;
};

[[gnu::noinline]] int dive(int depth) {
    Tracer tracer{depth};
    if (depth == 0) throw std::out_of_range{"bottom"};
    return dive(depth - 1) + 1;
}

void exceptions() {
    try {
        dive(8);
    } catch (const std::logic_error& error) {
        std::cout << "caught " << error.what() << " as " << typeid(error).name() << '\n';
    }
    int caught = 0;
    for (int i = 0; i < 2000; i++) {
        try {
            try {
                throw i;
            } catch (int value) {
                if (value % 2) throw std::to_string(value);
                caught++;
            }
        } catch (const std::string& text) {
            caught += static_cast<int>(text.size());
        }
    }
    std::cout << "caught " << caught << '\n';
    try {
        try {
            std::vector<int>(3).at(5);
        } catch (...) {
            std::throw_with_nested(std::runtime_error{"outer"});
        }
    } catch (const std::exception& error) {
        std::cout << error.what();
        try {
            std::rethrow_if_nested(error);
        } catch (const std::out_of_range&) {
            std::cout << " around out_of_range\n";
        }
    }
    try {
        std::string huge;
        huge.resize(huge.max_size() - 1);
    } catch (const std::bad_alloc&) {
        std::cout << "bad_alloc\n";
    }
    std::exception_ptr kept;
    try {
        std::cout << fs::file_size("nothing here");
    } catch (...) {
        kept = std::current_exception();
    }
    try {
        std::rethrow_exception(kept);
    } catch (const fs::filesystem_error& error) {
        std::cout << error.code() << ' ' << error.code().message() << '\n';
    }
}

void streams() {
    std::ostringstream out;
    out << std::setw(10) << std::setfill('*') << 42 << '|' << std::hex << std::showbase << 255 << '|'
        << std::fixed << std::setprecision(4) << std::acos(-1.0) << '|' << std::boolalpha << true << '|'
        << std::quoted("say \"hi\"");
    std::cout << out.str() << '\n';
    std::istringstream in{"12 0x1f 3.5 word"};
    int a = 0, b = 0;
    double c = 0;
    std::string d;
    in >> a >> std::hex >> b >> c >> d;
    std::cout << a << ' ' << b << ' ' << c << ' ' << d << ' ' << in.eof() << '\n';
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, 1234567.875).ptr;
    std::cout << std::string_view(digits, static_cast<std::size_t>(end - digits)) << '\n';
    const std::time_t second_day = 86400;
    std::tm date{};
    gmtime_r(&second_day, &date);
    std::cout << std::put_time(&date, "%F %T") << '\n';
}

void files() {
    fs::create_directories("a/b/c");
    for (int i = 0; i < 40; i++) {
        std::ofstream{"a/b/" + std::to_string(i) + ".txt"}
            << std::string(static_cast<std::size_t>(i) * 100, 'x');
    }
    std::uintmax_t total = 0;
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{"a"}) {
        if (entry.is_regular_file()) {
            total += entry.file_size();
            names.insert(entry.path().filename().string());
        }
    }
    std::cout << names.size() << " files, " << total << " bytes, first " << *names.begin() << '\n';
    fs::copy("a/b/7.txt", "copy.txt");
    fs::rename("copy.txt", "renamed.txt");
    fs::create_symlink("renamed.txt", "link");
    std::cout << fs::read_symlink("link") << ' ' << fs::is_symlink("link") << ' ' << fs::file_size("link")
              << '\n';
    fs::permissions("renamed.txt", fs::perms::owner_read);
    std::cout << std::oct << static_cast<int>(fs::status("renamed.txt").permissions()) << std::dec << '\n';
    fs::resize_file("a/b/39.txt", 5);
    std::cout << fs::file_size("a/b/39.txt") << ' ' << fs::exists("gone") << ' '
              << fs::path{"/x/../y/./z"}.lexically_normal() << ' '
              << (fs::canonical("a/b/../b") == fs::current_path() / "a/b") << '\n';
    std::error_code error;
    fs::remove("a", error);
    std::cout << error.message() << '\n';
    std::cout << fs::remove_all("a") << " removed\n";
    std::fstream both{"both", std::ios::in | std::ios::out | std::ios::trunc | std::ios::binary};
    for (std::uint32_t i = 0; i < 100000; i++) both.write(reinterpret_cast<const char*>(&i), sizeof i);
    both.seekg(4 * 54321);
    std::uint32_t value = 0;
    both.read(reinterpret_cast<char*>(&value), sizeof value);
    std::cout << value << ' ' << both.tellg() << '\n';
    fs::remove("both");
    fs::remove("link");
    fs::remove("renamed.txt");
}

void clocks() {
    using namespace std::chrono;
    auto previous = steady_clock::now();
    bool forwards = true;
    for (int i = 0; i < 5000; i++) {
        const auto now = steady_clock::now();
        forwards &= now >= previous;
        previous = now;
    }
    std::cout << "steady " << forwards << ", system after 2023 "
              << (system_clock::now() > sys_days{year{2023} / 1 / 1}) << '\n';
    const auto day = sys_days{2024y / February / last};
    const year_month_day ymd{day};
    std::cout << int(ymd.year()) << '-' << unsigned(ymd.month()) << '-' << unsigned(ymd.day()) << ' '
              << weekday{day}.iso_encoding() << ' ' << duration_cast<minutes>(90061s).count() << '\n';
}

void containers() {
    std::mt19937_64 generator{2024};
    std::unordered_map<std::uint64_t, std::string> table;
    std::map<std::string, int> ordered;
    for (int i = 0; i < 20000; i++) {
        const auto key = generator() % 5000;
        table[key] += 'a';
        ordered[std::to_string(key)]++;
    }
    std::size_t longest = 0;
    for (const auto& [key, text] : table) longest = std::max(longest, text.size());
    std::cout << table.size() << ' ' << ordered.size() << ' ' << longest << ' ' << ordered.begin()->first
              << '\n';
    std::pmr::monotonic_buffer_resource arena;
    std::pmr::vector<std::pmr::string> strings{&arena};
    for (int i = 0; i < 1000; i++) strings.emplace_back(std::string(static_cast<std::size_t>(i % 50), 'z'));
    std::ranges::sort(strings, std::greater{}, &std::pmr::string::size);
    std::cout << strings.front().size() << ' ' << strings.back().size() << '\n';
    auto squares = std::views::iota(1, 20) | std::views::filter([](int x) { return x % 3 == 0; }) |
                   std::views::transform([](int x) { return x * x; });
    for (int x : squares) std::cout << x << ' ';
    std::cout << '\n';
    std::variant<int, std::string> either = "text";
    std::cout << std::visit([](const auto& x) -> std::size_t { return sizeof(x); }, either) << ' '
              << either.index() << '\n';
    auto shared = std::make_shared<Tracer>(99);
    std::weak_ptr<Tracer> weak = shared;
    std::cout << weak.use_count() << ' ';
    shared.reset();
    std::cout << weak.expired() << '\n';
    std::string text = "key=value; other=thing";
    const std::regex pattern{R"((\w+)=(\w+))"};
    for (std::sregex_iterator it{text.begin(), text.end(), pattern}, end; it != end; ++it) {
        std::cout << (*it)[2] << "<-" << (*it)[1] << ' ';
    }
    std::cout << '\n';
    std::vector<double> series(1000);
    std::iota(series.begin(), series.end(), 1.0);
    const double sum = std::transform_reduce(series.begin(), series.end(), 0.0, std::plus{},
                                             [](double x) { return 1 / (x * x); });
    std::cout << std::setprecision(12) << sum << ' ' << std::abs(std::complex{3.0, 4.0}) << ' '
              << std::bitset<16>{0xa5a5} << ' ' << std::gcd(462, 1071) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    std::cout << "arguments:";
    for (int i = 1; i < argc; i++) std::cout << ' ' << std::quoted(argv[i]);
    std::cout << '\n';
    exceptions();
    streams();
    files();
    clocks();
    containers();
    std::string line;
    while (std::getline(std::cin, line)) std::cout << "in: " << line << '\n';
    std::cerr << "to stderr\n";
    return argc > 1 ? std::stoi(argv[1]) : 0;
}
