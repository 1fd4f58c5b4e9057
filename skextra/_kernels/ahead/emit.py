"""Compile the loops of `signatures.txt` for one kind of processor, into object files.

numba compiles each as it would at a call. Its optimised LLVM code is turned into position-
independent machine code. Everything that is assumed of numba is here and in `wrap.py`: that a
compiled function gives its LLVM code and the name of its symbol; that the symbol takes pointers to
the result and to an exception, then the arguments, arrays and tuples field by field; and that
arrays made in a loop come from NRT_MemInfo_alloc_aligned and go to NRT_MemInfo_call_dtor.

Usage: NUMBA_CPU_NAME=CPU NUMBA_CPU_FEATURES= python emit.py PREFIX FOLDER
"""

import json
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import llvmlite.binding as llvm
from signatures import read, to_numba

HERE = Path(__file__).resolve().parent
# The errors of making an array, whose sizes are those of other arrays: only the first can come.
_ERRORS = ("MemoryError", "negative dimensions not allowed", "array is too big")


def bare_package():
    """Let modules of skextra._kernels be imported without what the rest of skextra needs."""
    for name, folder in (("skextra", HERE.parents[1]), ("skextra._kernels", HERE.parent)):
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [str(folder)]


def machine():
    """Return LLVM's machine for the processor that numba was told to compile for."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    # The code model that numba compiles for: another one adds up some sums in another order.
    model = "large" if target.name == "x86-64" else "default"
    cpu = os.environ["NUMBA_CPU_NAME"]
    return target.create_target_machine(cpu, opt=3, reloc="pic", codemodel=model)


def object_of(compiled, symbol, target):
    """Return an object file with one loop under the name `symbol`, as bytes."""
    module = llvm.parse_assembly(compiled.library.get_llvm_str())
    for function in module.functions:
        if function.name == compiled.fndesc.llvm_func_name:
            function.linkage, function.name = "external", symbol
        elif not function.is_declaration:
            function.linkage = "internal"
    for variable in module.global_variables:
        is_error = re.fullmatch(r"\.const\.pickledata\.\w+", variable.name)
        if is_error and not any(error in str(variable) for error in _ERRORS):
            raise ValueError(f"{symbol} raises an error that wrap.py cannot hand on: {variable}.")
        if not variable.is_declaration:
            variable.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(0)))
    return target.emit_object(module)


def main(prefix, folder):
    """Write `PREFIX_i.o` for line i, and `PREFIX.json` with the types of the results."""
    bare_package()
    target, results = machine(), []
    for number, (module, loop, kinds) in enumerate(read(HERE / "signatures.txt")):
        dispatcher = getattr(import_module(f"skextra._kernels.{module}"), loop)
        signature = tuple(map(to_numba, kinds))
        dispatcher.compile(signature)
        compiled = dispatcher.overloads[signature]
        symbol = f"{prefix}_{number}"
        Path(folder, f"{symbol}.o").write_bytes(object_of(compiled, symbol, target))
        result = compiled.signature.return_type
        results.append([str(kind) for kind in getattr(result, "types", [result])])
    Path(folder, f"{prefix}.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
