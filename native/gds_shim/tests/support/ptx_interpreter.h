// Runs PTX text on the CPU, one instruction after the other: a TEST DOUBLE of a GPU's arithmetic, for the
// instructions that the shim's kernels are made of. Anything else is an error of the test.
//
// It shows that the text computes what it should. It does not show that NVIDIA's compiler takes it, nor how
// fast it is.
#pragma once

#include <cctype>
#include <cstdint>
#include <cstring>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace tio::gds::testing {

// Blocks run one after the other; within a block each thread runs to the next barrier, then the next one.
// Memory is the process's own: addresses are host addresses.
class PtxInterpreter {
  public:
    // The only kernel in the text.
    explicit PtxInterpreter(const std::string& text) {
        std::istringstream lines(text);
        std::string line;
        bool inside = false;
        while (std::getline(lines, line)) {
            const size_t first = line.find_first_not_of(" \t");
            if (first == std::string::npos || line.compare(first, 2, "//") == 0) continue;
            line = line.substr(first);
            const size_t name = line.find("_param_");
            if (!inside && name != std::string::npos)
                parameter_names_.push_back(word_around(line, name));
            else if (line[0] == '{')
                inside = true;
            else if (line[0] == '}')
                inside = false;
            else if (inside)
                add(line);
        }
    }

    void run(uint32_t grid_x, uint32_t grid_y, uint32_t threads, const std::vector<uint64_t>& parameters) {
        if (parameters.size() != parameter_names_.size())
            throw std::runtime_error("wrong number of parameters");
        parameters_ = parameters;
        for (uint32_t y = 0; y < grid_y; ++y)
            for (uint32_t x = 0; x < grid_x; ++x) run_block(grid_x, x, y, threads);
    }

  private:
    struct Instruction {
        std::string predicate;  // "%p1", "!%p1" or empty
        std::string operation;
        std::vector<std::string> operands;
    };
    struct Thread {
        std::map<std::string, uint64_t> registers;
        size_t next = 0;
        bool ended = false;
    };

    static std::string word_around(const std::string& line, size_t at) {
        size_t begin = at;
        size_t end = at;
        while (begin > 0 && (std::isalnum(line[begin - 1]) != 0 || line[begin - 1] == '_')) --begin;
        while (end < line.size() && (std::isalnum(line[end]) != 0 || line[end] == '_')) ++end;
        return line.substr(begin, end - begin);
    }

    void add(const std::string& line) {
        if (line.back() == ':') {
            labels_[line.substr(0, line.size() - 1)] = code_.size();
            return;
        }
        if (line.compare(0, 7, ".shared") == 0) {
            const size_t open = line.find('[');
            const size_t name = line.rfind(' ', open) + 1;
            shared_name_ = line.substr(name, open - name);
            shared_.resize(std::stoul(line.substr(open + 1)));
            return;
        }
        if (line[0] == '.') return;  // declarations of registers, pragmas
        std::string plain = line.substr(0, line.find(';'));
        for (char& c : plain)
            if (c == ',' || c == '\t') c = ' ';
        std::istringstream words(plain);
        Instruction instruction;
        std::string word;
        while (words >> word) {
            if (word[0] == '@')
                instruction.predicate = word.substr(1);
            else if (instruction.operation.empty())
                instruction.operation = word;
            else
                instruction.operands.push_back(word);
        }
        code_.push_back(instruction);
    }

    void run_block(uint32_t grid_x, uint32_t x, uint32_t y, uint32_t count) {
        std::vector<Thread> threads(count);
        for (uint32_t i = 0; i < count; ++i) {
            threads[i].registers["%tid.x"] = i;
            threads[i].registers["%ctaid.x"] = x;
            threads[i].registers["%ctaid.y"] = y;
            threads[i].registers["%nctaid.x"] = grid_x;
        }
        std::memset(shared_.data(), 0xA5, shared_.size());  // nobody has set it to zero
        for (bool going = true; going;) {
            going = false;
            for (Thread& thread : threads) {
                while (!thread.ended && step(thread)) {
                }
                going = going || !thread.ended;
            }
        }
    }

    // false: at a barrier, or at the end.
    bool step(Thread& thread) {
        if (thread.next >= code_.size()) throw std::runtime_error("ran past the end");
        const Instruction& instruction = code_[thread.next++];
        if (!instruction.predicate.empty()) {
            const bool negated = instruction.predicate[0] == '!';
            if ((thread.registers.at(instruction.predicate.substr(negated ? 1 : 0)) != 0) == negated)
                return true;
        }
        const std::string& operation = instruction.operation;
        if (operation == "ret") thread.ended = true;
        if (operation == "ret" || operation == "bar.sync") return false;
        if (operation == "bra" || operation == "bra.uni")
            thread.next = labels_.at(instruction.operands[0]);
        else
            execute(thread, instruction);
        return true;
    }

    uint64_t value(const Thread& thread, const std::string& operand) const {
        if (operand[0] == '%') return thread.registers.at(operand);
        if (operand == shared_name_) return reinterpret_cast<uint64_t>(shared_.data());
        return operand[0] == '-' ? static_cast<uint64_t>(std::stoll(operand)) : std::stoull(operand);
    }

    // "[%rd1+8]", "[%rd1]" or "[name]".
    uint64_t address(const Thread& thread, const std::string& operand) const {
        const std::string inner = operand.substr(1, operand.size() - 2);
        for (size_t i = 0; i < parameter_names_.size(); ++i)
            if (inner == parameter_names_[i]) return reinterpret_cast<uint64_t>(&parameters_[i]);
        const size_t plus = inner.find('+');
        if (plus == std::string::npos) return value(thread, inner);
        return value(thread, inner.substr(0, plus)) + value(thread, inner.substr(plus + 1));
    }

    void execute(Thread& thread, const Instruction& instruction) {
        std::vector<std::string> parts;
        std::istringstream dotted(instruction.operation);
        for (std::string part; std::getline(dotted, part, '.');) parts.push_back(part);
        const std::string& kind = parts.front();
        const std::string& type = parts.back();
        const unsigned bits = static_cast<unsigned>(std::stoul(type.substr(1)));
        const auto& operands = instruction.operands;
        if (kind == "st") {
            const uint64_t stored = value(thread, operands[1]);
            std::memcpy(reinterpret_cast<void*>(address(thread, operands[0])), &stored, bits / 8);
            return;
        }
        uint64_t& result = thread.registers[operands[0]];
        if (kind == "ld") {
            uint64_t loaded = 0;
            std::memcpy(&loaded, reinterpret_cast<const void*>(address(thread, operands[1])), bits / 8);
            result = loaded;
            return;
        }
        const bool wide = parts.size() > 2 && parts[1] == "wide";
        const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
        const uint64_t a = value(thread, operands[1]) & mask;
        const uint64_t b = operands.size() > 2 ? value(thread, operands[2]) & mask : 0;
        if (kind == "setp") {
            result = compare(parts[1], type, bits, a, b) ? 1 : 0;
            return;
        }
        result = arithmetic(kind, bits, a, b) & (wide            ? ~uint64_t{0}
                                                 : kind == "cvt" ? mask_of(parts[1])
                                                                 : mask);
    }

    static uint64_t mask_of(const std::string& type) {
        return type.substr(1) == "64" ? ~uint64_t{0} : uint64_t{0xFFFFFFFF};
    }

    static bool compare(const std::string& how, const std::string& type, unsigned bits, uint64_t a,
                        uint64_t b) {
        if (type[0] == 's') {
            // Into signed 64 bits and then into the order of unsigned ones.
            const unsigned left = 64 - bits;
            a = static_cast<uint64_t>(static_cast<int64_t>(a << left) >> left) ^ (uint64_t{1} << 63);
            b = static_cast<uint64_t>(static_cast<int64_t>(b << left) >> left) ^ (uint64_t{1} << 63);
        }
        if (how == "eq") return a == b;
        if (how == "ne") return a != b;
        if (how == "lt") return a < b;
        if (how == "le") return a <= b;
        if (how == "gt") return a > b;
        if (how == "ge") return a >= b;
        throw std::runtime_error("unknown comparison " + how);
    }

    static uint64_t arithmetic(const std::string& kind, unsigned bits, uint64_t a, uint64_t b) {
        if (kind == "mov" || kind == "cvt" || kind == "cvta") return a;
        if (kind == "add") return a + b;
        if (kind == "sub") return a - b;
        if (kind == "mul") return a * b;
        if (kind == "neg") return ~a + 1;
        if (kind == "and") return a & b;
        if (kind == "or") return a | b;
        if (kind == "xor") return a ^ b;
        if (kind == "shl") return b < bits ? a << b : 0;
        if (kind == "shr") return b < bits ? a >> b : 0;
        if (kind == "rem") return a % b;
        throw std::runtime_error("unknown instruction " + kind);
    }

    std::vector<std::string> parameter_names_;
    std::vector<uint64_t> parameters_;
    std::vector<Instruction> code_;
    std::map<std::string, size_t> labels_;
    std::string shared_name_;
    std::vector<unsigned char> shared_;
};

}  // namespace tio::gds::testing
