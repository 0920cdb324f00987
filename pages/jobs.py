"""Jobs: long work, running or ended."""

import streamlit as st

from mammo import jobs
from pages.parts.jobs import job_list
from pages.shared.base import choose
from pages.shared.views import job_card

home = choose.home()
st.title("Jobs")
if home.shared:
    st.info("This home is read-only: no job can be started here.", icon=":material/info:")
    st.stop()
st.caption("Work goes on when this page is closed or the server is restarted.")
all_jobs = jobs.jobs(home)
if not all_jobs:
    st.info("Nothing has been started from the dashboard yet.", icon=":material/info:")
    st.stop()
for job in job_list.page_of(job_list.filter_jobs(all_jobs)):
    job_card.card(home, job)
