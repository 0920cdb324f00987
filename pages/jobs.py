"""Jobs: long work, running and ended."""

import streamlit as st

from mammo import jobs
from pages.shared import choose, work

home = choose.home()
st.title("Jobs")
st.caption("Work goes on when this page is closed or the server is restarted.")
known = jobs.jobs(home)
if not known:
    st.info("Nothing has been started from the dashboard yet.", icon=":material/info:")
for job in known[:30]:
    work.card(home, job)
if len(known) > 30:
    st.caption(f"The newest 30 of {len(known)} jobs.")
