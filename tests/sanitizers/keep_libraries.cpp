// In place of the C library's: what was loaded stays, so that the leak sanitizer can name its
// frames.

extern "C" int dlclose(void* /*handle*/) {
  return 0;
}
