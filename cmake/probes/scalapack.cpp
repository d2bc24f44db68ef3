extern "C" int numroc_(const int*, const int*, const int*, const int*, const int*);
extern "C" void Cblacs_pinfo(int*, int*);
extern "C" void pdsyev_(const char*, const char*, const int*, double*, const int*, const int*,
                        const int*, double*, double*, const int*, const int*, const int*, double*,
                        const int*, int*);
int main() {
  int n = 8, nb = 2, zero = 0, two = 2;
  return reinterpret_cast<void*>(&pdsyev_) && reinterpret_cast<void*>(&Cblacs_pinfo)
             ? numroc_(&n, &nb, &zero, &zero, &two) - 4
             : 1;
}
