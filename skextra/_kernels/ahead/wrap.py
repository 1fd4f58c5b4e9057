"""Write the C source of the module that hands Python's calls to the compiled loops.

A call is matched against the types of each line of `signatures.txt` in turn, by their dtypes and
numbers of axes; where none matches, the module returns NotImplemented and has touched nothing. It
keeps to Python's stable ABI and reads arrays through the buffer protocol, so that one file serves
every Python from 3.11 on and every NumPy.
"""

from itertools import groupby

from signatures import Array, Group

# The C type of each dtype, and the letters by which a buffer says so.
C_TYPES = {
    "float64": ("double", "d"), "float32": ("float", "f"), "bool": ("uint8_t", "?"),
    "int64": ("int64_t", "lqn"), "int32": ("int32_t", "il"), "int8": ("int8_t", "b"),
    "uint64": ("uint64_t", "LQN"), "uint32": ("uint32_t", "IL"), "uint8": ("uint8_t", "B"),
}  # fmt: skip

# What makes a Python object of a result, by the first letter of its dtype.
TO_PYTHON = {
    "f": "PyFloat_FromDouble",
    "i": "PyLong_FromLongLong",
    "u": "PyLong_FromUnsignedLongLong",
    "b": "PyBool_FromLong",
}

HEAD = r"""
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _MSC_VER
#include <intrin.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(hidden)
#endif

/* What loops that make arrays of their own need of numba's run time. */
typedef struct {
  size_t references;
  void *destructor, *destructor_info, *data;
  size_t size;
  void *allocator;
} MemInfo;

MemInfo *NRT_MemInfo_alloc_aligned(size_t size, unsigned align) {
  char *memory = malloc(sizeof(MemInfo) + size + align);
  if (!memory) return NULL;
  MemInfo *info = (MemInfo *)memory;
  uintptr_t start = (uintptr_t)(memory + sizeof(MemInfo));
  info->references = 1;
  info->destructor = info->destructor_info = info->allocator = NULL;
  info->data = (void *)((start + align - 1) / align * align);
  info->size = size;
  return info;
}

void NRT_MemInfo_call_dtor(MemInfo *info) { free(info); }

static PyObject *int64_type, *uint64_type, *float32_type, *float64_type, *bool_type;

static int is_int64(PyObject *value) {
  PyTypeObject *type = Py_TYPE(value);
  return type == &PyLong_Type || (PyObject *)type == int64_type;
}

static int is_float64(PyObject *value) {
  PyTypeObject *type = Py_TYPE(value);
  return type == &PyFloat_Type || (PyObject *)type == float64_type;
}

static int is_uint64(PyObject *value) { return (PyObject *)Py_TYPE(value) == uint64_type; }
static int is_float32(PyObject *value) { return (PyObject *)Py_TYPE(value) == float32_type; }

static int is_bool(PyObject *value) {
  PyTypeObject *type = Py_TYPE(value);
  return type == &PyBool_Type || (PyObject *)type == bool_type;
}

static int64_t as_int64(PyObject *value) {
  PyObject *index = PyNumber_Index(value);
  if (!index) return -1;
  int64_t number = PyLong_AsLongLong(index);
  Py_DecRef(index);
  return number;
}

static uint64_t as_uint64(PyObject *value) {
  PyObject *index = PyNumber_Index(value);
  if (!index) return 0;
  uint64_t number = PyLong_AsUnsignedLongLong(index);
  Py_DecRef(index);
  return number;
}

static double as_float64(PyObject *value) { return PyFloat_AsDouble(value); }
static float as_float32(PyObject *value) { return (float)PyFloat_AsDouble(value); }
static uint8_t as_bool(PyObject *value) { return PyObject_IsTrue(value) == 1; }

/* Fetch a C-contiguous array of the given type; 0, and no error set, if this is none. */
static int fetch(PyObject *value, Py_buffer *buffer, int written, int ndim, const char *formats,
                 Py_ssize_t itemsize) {
  int flags = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (written ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(value, buffer, flags)) {
    PyErr_Clear();
    return 0;
  }
  const char *format = buffer->format;
  if (format && *format == '@') format++;
  if (format && *format && !format[1] && strchr(formats, *format) && buffer->ndim == ndim &&
      buffer->itemsize == itemsize && (uintptr_t)buffer->buf % (uintptr_t)itemsize == 0)
    return 1;
  PyBuffer_Release(buffer);
  return 0;
}

static void release(Py_buffer *buffers, int count) {
  while (count > 0) PyBuffer_Release(&buffers[--count]);
}

/* The answer of a loop to arguments that are not its own: borrowed, and no error set. */
static PyObject *mismatch(Py_buffer *buffers, int count) {
  PyErr_Clear();
  release(buffers, count);
  return Py_NotImplemented;
}

#if defined(__x86_64__) || defined(_M_X64)
static unsigned read_cpuid(unsigned leaf, int place) {
#ifdef _MSC_VER
  int found[4];
  __cpuidex(found, (int)leaf, 0);
#else
  unsigned found[4];
  __cpuid_count(leaf, 0, found[0], found[1], found[2], found[3]);
#endif
  return (unsigned)found[place];
}

/* Which registers the operating system saves. */
static unsigned read_xcr0(void) {
#ifdef _MSC_VER
  return (unsigned)_xgetbv(0);
#else
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
#endif
}

/* Whether this is an x86-64-v3, the level of AVX2, in the terms of the psABI. */
static int has_avx2(void) {
  const unsigned ebx = 1, ecx = 2;
  const unsigned fma = 1u << 12, movbe = 1u << 22, osxsave = 1u << 27, avx = 1u << 28;
  const unsigned f16c = 1u << 29, bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8, lzcnt = 1u << 5;
  const unsigned first = fma | movbe | osxsave | avx | f16c, seventh = bmi1 | avx2 | bmi2;
  return read_cpuid(0, 0) >= 7 && (read_cpuid(1, ecx) & first) == first &&
         (read_xcr0() & 6) == 6 && (read_cpuid(7, ebx) & seventh) == seventh &&
         read_cpuid(0x80000000u, 0) >= 0x80000001u && (read_cpuid(0x80000001u, ecx) & lzcnt);
}
#else
static int has_avx2(void) { return 0; }
#endif
"""

TAIL = r"""
static struct PyModuleDef definition = {
  PyModuleDef_HEAD_INIT, "_compiled", NULL, -1, methods, NULL, NULL, NULL, NULL
};

PyMODINIT_FUNC PyInit__compiled(void) {
  PyObject *numpy = PyImport_ImportModule("numpy");
  if (!numpy) return NULL;
  int found = (int64_type = PyObject_GetAttrString(numpy, "int64")) &&
              (uint64_type = PyObject_GetAttrString(numpy, "uint64")) &&
              (float32_type = PyObject_GetAttrString(numpy, "float32")) &&
              (float64_type = PyObject_GetAttrString(numpy, "float64")) &&
              (bool_type = PyObject_GetAttrString(numpy, "bool_"));
  Py_DecRef(numpy);
  if (!found) return NULL;
  const char *wish = getenv("SKEXTRA_CPU");
  const char *level = choose(has_avx2() && !(wish && !strcmp(wish, "baseline")));
  PyObject *module = PyModule_Create(&definition);
  if (!module) return NULL;
  if (PyModule_AddStringConstant(module, "level", level) ||
      PyModule_AddStringConstant(module, "sources", sources) ||
      PyModule_AddStringConstant(module, "build", build) ||
      PyModule_AddStringConstant(module, "numba", numba)) {
    Py_DecRef(module);
    return NULL;
  }
  return module;
}
"""


class Call:
    """The C code that unpacks the arguments of one loop: lines in the order in which they run."""

    def __init__(self, kinds):
        self.checks, self.fetches, self.scalars = [], [], []
        self.parameters, self.passed = ["void *", "void **"], ["&result", "&exception"]
        for place, kind in enumerate(kinds):
            self.take(f"args[{place}]", kind)

    def take(self, value, kind):
        """Add the code for an argument, given as a C expression."""
        if isinstance(kind, Group):
            size = len(kind.items)
            self.checks.append(f"!PyTuple_CheckExact({value}) || PyTuple_Size({value}) != {size}")
            for place, item in enumerate(kind.items):
                self.take(f"PyTuple_GetItem({value}, {place})", item)
            return
        c_type, formats = C_TYPES[kind.dtype]
        if isinstance(kind, Array):
            buffer, axes = f"b[{len(self.fetches)}]", range(kind.ndim)
            self.fetches.append(
                f'!fetch({value}, &{buffer}, {int(kind.written)}, {kind.ndim}, "{formats}", '
                f"sizeof({c_type}))"
            )
            size = " * ".join(f"{buffer}.shape[{axis}]" for axis in axes)
            self.passed += ["NULL", "NULL", size, f"sizeof({c_type})", f"{buffer}.buf"]
            self.passed += [f"{buffer}.shape[{axis}]" for axis in axes]
            self.passed += [f"{buffer}.strides[{axis}]" for axis in axes]
            self.parameters += ["void *", "void *", "int64_t", "int64_t", "void *"]
            self.parameters += ["int64_t"] * (2 * kind.ndim)
        else:
            name = f"s{len(self.scalars)}"
            self.checks.append(f"!is_{kind.dtype}({value})")
            self.scalars.append(f"{c_type} {name} = as_{kind.dtype}({value});")
            self.passed.append(name)
            self.parameters.append(c_type)


def source(loops, levels, constants):
    """Return the source of the module.

    Parameters
    ----------
    loops : list of (module, loop, types of arguments, dtypes of results)
        Loop i of level L is a symbol L_i.
    levels : list of str
        The first is for every processor, a second one for those with AVX2.
    constants : dict of str
        What the module says of itself: `sources` and `build`, digests of the loops and of all that
        it was built from, and the version of `numba`.
    """
    numbered = list(enumerate(loops))
    parts = [HEAD, *(f'static const char *{name} = "{text}";' for name, text in constants.items())]
    parts += [_attempt(number, loop, levels) for number, loop in numbered]
    methods = []
    for (module, name), same in groupby(numbered, key=lambda item: item[1][:2]):
        parts.append(_function(f"{module}__{name}", [(number, loop[2]) for number, loop in same]))
        methods.append(
            f'  {{"{module}__{name}", (PyCFunction)(void (*)(void))call_{module}__{name}, '
            "METH_FASTCALL, NULL},\n"
        )
    parts.append(f"static PyMethodDef methods[] = {{\n{''.join(methods)}  {{NULL}}\n}};\n")
    parts += [_choice(levels, len(loops)), TAIL]
    return "\n".join(parts)


def _attempt(number, loop, levels):
    """Return the C function that calls one loop, if the types of the arguments fit."""
    _, _, kinds, results = loop
    call, fields = Call(kinds), [dtype for dtype in results if dtype != "none"]
    parameters = ", ".join(call.parameters)
    symbols = "".join(f"int32_t {level}_{number}({parameters});\n" for level in levels)
    struct = "".join(f"{C_TYPES[dtype][0]} r{place}; " for place, dtype in enumerate(fields))
    checks = "".join(f"  if ({check}) return mismatch(b, 0);\n" for check in call.checks)
    fetches = "".join(
        f"  if ({fetch}) return mismatch(b, {place});\n"
        for place, fetch in enumerate(call.fetches)
    )
    scalars = "".join(f"  {line}\n" for line in call.scalars)
    return f"""
{symbols}static int32_t (*loop_{number})({parameters});
static PyObject *attempt_{number}(PyObject *const *args) {{
  Py_buffer b[{max(len(call.fetches), 1)}];
  struct {{ {struct}char none; }} result;
  void *exception = NULL;
  int32_t status;
{checks}{fetches}{scalars}  if (PyErr_Occurred()) return mismatch(b, {len(call.fetches)});
  Py_BEGIN_ALLOW_THREADS
  status = loop_{number}({", ".join(call.passed)});
  Py_END_ALLOW_THREADS
  release(b, {len(call.fetches)});
  if (status != 0 && status != -2) return PyErr_NoMemory();  /* emit.py refuses other errors */
{_returned(fields, len(results) > 1)}}}
"""


def _returned(fields, several):
    """Return the C statements that return the fields of the result as Python objects."""
    if not fields:
        return "  Py_IncRef(Py_None);\n  return Py_None;\n"
    made = [
        {
            "f": f"PyFloat_FromDouble(result.r{place})",
            "b": f"PyBool_FromLong(result.r{place})",
        }.get(dtype[0], f"PyLong_FromLongLong(result.r{place})")
        for place, dtype in enumerate(fields)
    ]
    if not several:
        return f"  return {made[0]};\n"
    formats = "N" * len(fields)
    return f'  return Py_BuildValue("({formats})", {", ".join(made)});\n'


def _function(name, attempts):
    """Return the C function that Python calls, which tries the loops of one name in turn."""
    tries = "".join(
        f"  if (n == {len(kinds)} && (out = attempt_{number}(args)) != Py_NotImplemented)\n"
        "    return out;\n"
        for number, kinds in attempts
    )
    return f"""
static PyObject *call_{name}(PyObject *self, PyObject *const *args, Py_ssize_t n) {{
  PyObject *out;
  (void)self;
{tries}  Py_IncRef(Py_NotImplemented);
  return Py_NotImplemented;
}}
"""


def _choice(levels, count):
    """Return the C function that chooses between the levels and returns the name of one."""
    first, *better = [
        "".join(f"    loop_{number} = {level}_{number};\n" for number in range(count))
        + f'    return "{level}";\n'
        for level in levels
    ]
    branch = f"  if (avx2) {{\n{better[0]}  }}\n" if better else ""
    return f"""
static const char *choose(int avx2) {{
  (void)avx2;
{branch}  {{
{first}  }}
}}
"""
