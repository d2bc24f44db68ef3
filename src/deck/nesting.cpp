#include "deck/nesting.hpp"

namespace fathom::deck {

namespace {

bool bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

/// Walks over the text as TOML's own lexer would: strings and comments hide what is in them.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  std::optional<Place> run(int limit) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        skip_comment();
        continue;
      }
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '[' || c == '{') ++brackets_;
      if ((c == ']' || c == '}') && brackets_ > 0) --brackets_;
      if (c == '.')
        ++dots_;
      else if (!bare(c) && c != ' ' && c != '\t')
        dots_ = 0;
      if (brackets_ > limit || dots_ > limit) return Place{line_, column_, 1, {}};
      step();
    }
    return std::nullopt;
  }

 private:
  void step() {
    const auto byte = static_cast<unsigned char>(text_[at_++]);
    if (byte == '\n') {
      ++line_;
      column_ = 1;
    } else if ((byte & 0xc0) != 0x80) {
      ++column_;
    }
  }

  void skip_comment() {
    while (at_ < text_.size() && text_[at_] != '\n')
      step();
  }

  void skip_string(char quote) {
    const bool multi = text_.substr(at_, 3) == std::string(3, quote);
    const std::size_t fence = multi ? 3 : 1;
    for (std::size_t i = 0; i < fence; ++i)
      step();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (!multi && c == '\n') return;  // not closed: the parser will say so
      if (c == '\\' && quote == '"') {
        step();
        if (at_ < text_.size()) step();
        continue;
      }
      if (text_.substr(at_, fence) == std::string(fence, quote)) {
        for (std::size_t i = 0; i < fence; ++i)
          step();
        // A multi-line string may end in up to two quotes of its own.
        for (int i = 0; multi && i < 2 && at_ < text_.size() && text_[at_] == quote; ++i)
          step();
        return;
      }
      step();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  int column_ = 1;
  int brackets_ = 0;
  int dots_ = 0;
};

}  // namespace

std::optional<Place> too_deep(std::string_view text, int limit) {
  return Walker(text).run(limit);
}

}  // namespace fathom::deck
